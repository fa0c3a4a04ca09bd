"""Target tokens a second in training, on the same pieces of the same vocabulary."""

import shutil
import statistics
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers import child
from benchmarks.peers.corpus import Corpus
from benchmarks.peers.measured import Round, Rounds, by_batch, in_turns
from benchmarks.peers.system import System

EVERY = 10  # steps between two numbers in a log; the first number is of warming up


class Choice(NamedTuple):
    """How a system came to its batch.

    Args:
        batch: The size that it takes, in its own unit.
        rates: Target tokens a second of the processor with each size that was tried.
    """

    batch: int
    rates: dict[int, float]


def measure(
    systems: Sequence[System], corpus: Corpus, folder: Path, steps: int, rounds: int, core: int | None
) -> tuple[Rounds, dict[str, Choice]]:
    """Each system with its own best batch."""
    chosen = {one.name: best_batch(one, corpus, folder / one.name, steps, core) for one in systems}
    works = {
        one.name: partial(speed, one, chosen[one.name].batch, corpus, folder / one.name, steps, core) for one in systems
    }
    return in_turns(works, rounds, "training, target tokens a second"), chosen


def best_batch(system: System, corpus: Corpus, folder: Path, steps: int, core: int | None) -> Choice:
    """The batch that makes most of the processor, tried once each."""

    def rate(batch: int) -> float:
        return speed(system, batch, corpus, folder, steps, core).cpu

    what = f"training, target tokens a processor second: {system.name}"
    rates = by_batch(system.training_batches, rate, what)
    return Choice(max(rates, key=rates.__getitem__), rates)


def speed(system: System, batch: int, corpus: Corpus, folder: Path, steps: int, core: int | None) -> Round:
    """One short training."""
    shutil.rmtree(folder, ignore_errors=True)
    log = folder / "log"
    command = system.speed_run(corpus, folder, batch, steps, EVERY)
    ran = child.run(command, log, core)
    rates = system.rates(folder, log.read_text(encoding="utf-8", errors="replace"))
    if len(rates) < 2:
        raise RuntimeError(f"{system.name} should have logged its speed twice or more in {steps} steps; see {log}")
    rate = statistics.median(rates[1:])
    return Round(rate, rate * ran.seconds / ran.cpu, ran.memory)
