"""The results of the suite: sections of measurements, each compared with a baseline."""

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.interleaved import Spread


class Target(NamedTuple):
    """A bound that a measurement should meet."""

    bound: float
    at_least: bool  # otherwise at most

    def is_met(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


class Measurement(NamedTuple):
    """A row of the table.

    Args:
        name: What was measured.
        baseline: What it is compared with.
        value: The result, usually a ratio.
        unit: Unit of the value: times, %, s or MiB.
        absolute: The absolute result on this machine.
        peak_share: Share of this machine's peak rate of matrix products.
        memory: Peak bytes of ours, and of the baseline.
        target: Bound for the median of the value.
    """

    name: str
    baseline: str
    value: Spread
    unit: str = "times"
    absolute: str = ""
    peak_share: float | None = None
    memory: tuple[int, ...] = ()
    target: Target | None = None


class Growth(NamedTuple):
    """The growth of a quantity with a variable.

    Args:
        name: The measured quantity.
        variable: What it depends on.
        unit: Unit of the measured quantity.
        points: Values of the variable and of the quantity.
        expected: The expected slope between their logarithms, in words.
        plotted: Whether it is plotted.
    """

    name: str
    variable: str
    unit: str
    points: list[tuple[float, float]]
    expected: str
    plotted: bool = False


class Section(NamedTuple):
    """The results of one part."""

    title: str
    measurements: list[Measurement]
    notes: Sequence[str] = ()
    growths: Sequence[Growth] = ()
