"""Run tasks in interleaved rounds, and compute the medians, the spread and the ratios of their times."""

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

BUSY_VARIABLE = "BENCHMARKS_BUSY"  # environment variable: measure processor time on a shared machine


class Spread(NamedTuple):
    """Median and range of repeated measurements."""

    median: float
    lowest: float
    highest: float


def spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))


def run_interleaved(tasks: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run all tasks in every round, so that disturbances affect all of them, after a warm-up round."""
    for task in tasks.values():
        task()
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            times[name].append(task())
    return times


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Spread:
    """Return the ratios round by round."""
    return spread([numerator / denominator for numerator, denominator in zip(numerators, denominators, strict=True)])


def now() -> float:
    """Return the wall-clock time, or the processor time of this process if `BUSY_VARIABLE` is set."""
    return time.process_time() if os.environ.get(BUSY_VARIABLE) else time.perf_counter()


def elapsed_seconds(task: Callable[[], object]) -> float:
    start = now()
    task()
    return now() - start
