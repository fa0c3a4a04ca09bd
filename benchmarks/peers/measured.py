"""Results of a round in wall-clock and processor time, and interleaved rounds."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from benchmarks.progress import print_progress


class Round(NamedTuple):
    """The result of one system in one round.

    Args:
        wall: Seconds, or tokens per second, in wall-clock time.
        cpu: The same in processor time, which other processes on the machine affect least.
        memory: Peak MiB of the process.
    """

    wall: float
    cpu: float
    memory: float


Rounds: TypeAlias = dict[str, list[Round]]


def run_interleaved(tasks: Mapping[str, Callable[[], Round]], rounds: int, label: str) -> Rounds:
    """Run all tasks in every round, so that disturbances affect all of them."""
    rounds_by_name: Rounds = {name: [] for name in tasks}
    for number in range(1, rounds + 1):
        for name, task in tasks.items():
            result = task()
            rounds_by_name[name].append(result)
            numbers = f"{result.wall:,.4g}, {result.cpu:,.4g} by processor time, {result.memory:,.0f} MiB"
            print_progress(f"{label}, round {number} of {rounds}: {name} {numbers}")
    return rounds_by_name


def measure_batch_sizes(batches: Iterable[int], task: Callable[[int], float], label: str) -> dict[int, float]:
    """Return the result of a task for each batch size."""
    values = {batch: task(batch) for batch in sorted(batches)}
    print_progress(
        f"{label}, by size of batch: {', '.join(f'{batch}: {value:,.4g}' for batch, value in values.items())}"
    )
    return values
