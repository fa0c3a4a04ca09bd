"""The largest differences between two computations of the same values, and a table of them."""

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
    """The largest differences, by row of the table and by kind of value."""

    def __init__(self) -> None:
        self.rows: dict[Row, dict[str, float]] = {}

    def record(self, row: Row, kind: str, difference: float) -> None:
        largest = self.rows.setdefault(row, {})
        largest[kind] = max(difference, largest.get(kind, 0.0))

    def table(self) -> list[str]:
        lines = ["| ours | reference | largest difference | remarks |", "| --- | --- | --- | --- |"]
        for row, largest in sorted(self.rows.items()):
            differences = ", ".join(f"{kind} {formatted(difference)}" for kind, difference in largest.items())
            lines.append(f"| {row.ours} | {row.package} {version(row.package)} | {differences} | {row.remark} |")
        return lines


class Comparison(NamedTuple):
    """One row of the table, and the largest relative difference that it may have."""

    agreement: Agreement
    row: Row
    tolerance: float

    def close(self, kind: str, ours: Tensor, theirs: Tensor, min_scale: float = 0.0) -> None:
        """Fail unless the difference, relative to their largest value or to `min_scale`, is within the tolerance."""
        assert ours.shape == theirs.shape, f"{kind}: {tuple(ours.shape)} and {tuple(theirs.shape)}"
        assert ours.isfinite().all(), f"{kind}: ours is not finite"
        assert theirs.isfinite().all(), f"{kind}: theirs is not finite"
        if not theirs.numel():
            return
        scale = max(min_scale, float(theirs.detach().abs().max()))
        assert scale > 0, f"{kind}: theirs is zero everywhere, so nothing is compared"
        difference = float((ours.detach().double() - theirs.detach().double()).abs().max()) / scale
        self.agreement.record(self.row, kind, difference)
        assert difference <= self.tolerance, f"{kind} of {self.row.ours} differ by {difference:.1e} of the largest"

    def equal(self, kind: str, ours: object, theirs: object) -> None:
        assert ours == theirs, f"{kind} of {self.row.ours} differ"
        self.agreement.record(self.row, kind, 0.0)


Compare = Callable[..., Comparison]  # (ours, package, remark="", tolerance=EXACT)


def formatted(difference: float) -> str:
    if not difference:
        return "equal"
    return f"{difference:.0e}" if difference < 0.01 else f"{difference:.1f}"


def gradients(y: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    """Return gradients of a fixed random projection of y; they are zero for inputs on which y does not depend."""
    generator = torch.Generator().manual_seed(5)
    probe = torch.randn(y.shape, generator=generator, dtype=torch.float64).to(y.dtype)
    grads = torch.autograd.grad((y * probe).sum(), inputs, allow_unused=True)
    return [torch.zeros_like(x) if grad is None else grad for x, grad in zip(inputs, grads, strict=True)]
