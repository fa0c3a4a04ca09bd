"""How far two computations of the same thing agree, and the table of it."""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import NamedTuple

import torch
from torch import Tensor

EXACT = 1e-11  # of the largest value, in float64


class Row(NamedTuple):
    ours: str
    package: str
    remark: str


class Agreement:
    """The largest differences found, by row of the table and by what was compared."""

    def __init__(self) -> None:
        self.rows: dict[Row, dict[str, float]] = {}

    def measured(self, row: Row, what: str, difference: float) -> None:
        found = self.rows.setdefault(row, {})
        found[what] = max(difference, found.get(what, 0.0))

    def table(self) -> list[str]:
        lines = ["| ours | reference | largest difference | remarks |", "| --- | --- | --- | --- |"]
        for row, found in sorted(self.rows.items()):
            differences = ", ".join(f"{what} {printed(difference)}" for what, difference in found.items())
            lines.append(f"| {row.ours} | {row.package} {version(row.package)} | {differences} | {row.remark} |")
        return lines


class Comparison(NamedTuple):
    """One row of the table, and how much two values in it may differ."""

    agreement: Agreement
    row: Row
    tolerance: float

    def close(self, what: str, ours: Tensor, theirs: Tensor, floor: float = 0.0) -> None:
        """Fail unless both are equal to within the tolerance, of the largest value of theirs or of `floor`."""
        assert ours.shape == theirs.shape, f"{what}: {tuple(ours.shape)} and {tuple(theirs.shape)}"
        assert ours.isfinite().all(), f"{what}: ours is not finite"
        assert theirs.isfinite().all(), f"{what}: theirs is not finite"
        if not theirs.numel():
            return
        scale = max(floor, float(theirs.detach().abs().max()))
        assert scale > 0, f"{what}: theirs is zero everywhere, so nothing is compared"
        difference = float((ours.detach().double() - theirs.detach().double()).abs().max()) / scale
        self.agreement.measured(self.row, what, difference)
        assert difference <= self.tolerance, f"{what} of {self.row.ours} differ by {difference:.1e} of the largest"

    def equal(self, what: str, ours: object, theirs: object) -> None:
        assert ours == theirs, f"{what} of {self.row.ours} differ"
        self.agreement.measured(self.row, what, 0.0)


Compare = Callable[..., Comparison]  # (ours, package, remark="", tolerance=EXACT)


def printed(difference: float) -> str:
    if not difference:
        return "equal"
    return f"{difference:.0e}" if difference < 0.01 else f"{difference:.1f}"


def gradients(y: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Of one fixed random projection of y; what y does not depend on has a gradient of zero."""
    generator = torch.Generator().manual_seed(5)
    probe = torch.randn(y.shape, generator=generator, dtype=torch.float64).to(y.dtype)
    found = torch.autograd.grad((y * probe).sum(), inputs, allow_unused=True)
    return [torch.zeros_like(x) if slope is None else slope for x, slope in zip(inputs, found, strict=True)]
