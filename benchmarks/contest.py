"""Works in turns, their medians and spread, and ratios of one to the other."""

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

BUSY = "BENCHMARKS_BUSY"  # an environment variable: others use the machine too


class Spread(NamedTuple):
    """A number that was measured several times."""

    median: float
    lowest: float
    highest: float


def spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))


def in_turns(works: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Ours, theirs, ours, theirs, ...: what disturbs the machine disturbs both. Nothing is kept of a first round."""
    for work in works.values():
        work()
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(work())
    return found


def ratio(above: Sequence[float], below: Sequence[float]) -> Spread:
    """How many times as much, round by round."""
    return spread([one / other for one, other in zip(above, below, strict=True)])


def now() -> float:
    """Seconds on the clock, or with BUSY those that this process had of its core."""
    return time.process_time() if os.environ.get(BUSY) else time.perf_counter()


def seconds(work: Callable[[], object]) -> float:
    began = now()
    work()
    return now() - began
