"""A case: one fault that is made, and what was wrong with how it ended."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Check = Callable[[Path], list[str]]


class NotTriedError(Exception):
    """What a case needs is not permitted or not there on this machine, so that it shows nothing."""


@dataclass(frozen=True)
class Case:
    """One fault.

    Args:
        name: What `--only` names it by, without white space.
        check: Makes the fault in an empty folder of its own and returns what was wrong, nothing if the case held.
        count: How many faults it stands for in the table.
        seconds: How long it may take at most.
    """

    name: str
    check: Check
    count: int = 1
    seconds: float = 240


def share_of(cases: Sequence[Case], share: float, seed: int) -> list[Case]:
    """Return a fixed part of the cases, the same for the same seed, and at least one."""
    if share >= 1:
        return list(cases)
    drawn = list(cases)
    random.Random(f"share {seed}").shuffle(drawn)
    chosen = set(drawn[: max(1, round(share * len(cases)))])
    return [case for case in cases if case in chosen]
