"""A case: one injected fault and the check of its outcome."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Check = Callable[[Path], list[str]]


class NotTriedError(Exception):
    """A case cannot run on this machine, because something it needs is missing or not permitted."""


@dataclass(frozen=True)
class Case:
    """One fault.

    Args:
        name: Name for `--only`, without white space.
        check: Function that injects the fault in an empty folder and returns the problems; an empty list is a pass.
        count: Number of faults that it counts as in the table.
        seconds: Time limit.
    """

    name: str
    check: Check
    count: int = 1
    seconds: float = 240


def select_share(cases: Sequence[Case], share: float, seed: int) -> list[Case]:
    """Return a random share of the cases, at least one, determined by the seed."""
    if share >= 1:
        return list(cases)
    shuffled = list(cases)
    random.Random(f"share {seed}").shuffle(shuffled)
    selected = set(shuffled[: max(1, round(share * len(cases)))])
    return [case for case in cases if case in selected]
