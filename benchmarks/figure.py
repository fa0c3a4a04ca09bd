"""What the suite says: sections of figures, each against something."""

from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.contest import Spread


class Target(NamedTuple):
    bound: float
    at_least: bool  # or else at most

    def met(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


class Figure(NamedTuple):
    """A row of the table.

    Args:
        what: What was measured.
        against: What it is compared with.
        value: The claim.
        unit: Of the claim: times, %, s or MiB.
        rate: What was measured in numbers of this machine, beside the claim.
        peak: Share of the rate at which this machine multiplies matrices.
        memory: The most bytes that ours held, and theirs.
        target: What the claim should reach.
    """

    what: str
    against: str
    value: Spread
    unit: str = "times"
    rate: str = ""
    peak: float | None = None
    memory: tuple[int, ...] = ()
    target: Target | None = None


class Growth(NamedTuple):
    """How something grows with something else.

    Args:
        what: What grows.
        along: What it grows with.
        unit: Of what grows.
        points: How much of each.
        expected: The slope between their logarithms that one would expect, in words.
        pictured: Whether it is drawn.
    """

    what: str
    along: str
    unit: str
    points: list[tuple[float, float]]
    expected: str
    pictured: bool = False


class Section(NamedTuple):
    """What one part found."""

    title: str
    figures: list[Figure]
    notes: Sequence[str] = ()
    growths: Sequence[Growth] = ()
