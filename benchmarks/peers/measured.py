"""Numbers of one round, by two clocks, and rounds in turns."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from benchmarks.progress import tell


class Round(NamedTuple):
    """One round of one system.

    Args:
        wall: Seconds, or tokens a second, by the clock on the wall.
        cpu: The same by the processor's time, which a neighbour on the same machine changes least.
        memory: The most MiB that the process held.
    """

    wall: float
    cpu: float
    memory: float


Rounds: TypeAlias = dict[str, list[Round]]


def in_turns(works: Mapping[str, Callable[[], Round]], rounds: int, what: str) -> Rounds:
    """Ours, theirs, ours, theirs, ...: what disturbs the machine disturbs all of them."""
    found: Rounds = {name: [] for name in works}
    for number in range(1, rounds + 1):
        for name, work in works.items():
            one = work()
            found[name].append(one)
            said = f"{one.wall:,.4g}, {one.cpu:,.4g} by processor time, {one.memory:,.0f} MiB"
            tell(f"{what}, round {number} of {rounds}: {name} {said}")
    return found


def by_batch(batches: Iterable[int], work: Callable[[int], float], what: str) -> dict[int, float]:
    """What comes of each size of a batch, tried once."""
    found = {batch: work(batch) for batch in sorted(batches)}
    tell(f"{what}, by size of batch: {', '.join(f'{batch}: {value:,.4g}' for batch, value in found.items())}")
    return found
