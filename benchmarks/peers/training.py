"""Measure the target tokens per second of training on the same tokenized text."""

import shutil
import statistics
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers import child
from benchmarks.peers.corpus import Corpus
from benchmarks.peers.measured import Round, Rounds, measure_batch_sizes, run_interleaved
from benchmarks.peers.system import System

LOG_INTERVAL = 10  # steps between two logged rates, the first of which is warm-up


class BatchChoice(NamedTuple):
    """The batch size of a system, and how it was chosen.

    Args:
        batch: The chosen size, in the unit of the system.
        rates: Target tokens per second of processor time with each size.
    """

    batch: int
    rates: dict[int, float]


def measure(
    systems: Sequence[System], corpus: Corpus, folder: Path, steps: int, rounds: int, core: int | None
) -> tuple[Rounds, dict[str, BatchChoice]]:
    """Measure each system with its best batch size."""
    choices = {system.name: best_batch(system, corpus, folder / system.name, steps, core) for system in systems}
    tasks = {
        system.name: partial(
            measure_speed, system, choices[system.name].batch, corpus, folder / system.name, steps, core
        )
        for system in systems
    }
    return run_interleaved(tasks, rounds, "training, target tokens a second"), choices


def best_batch(system: System, corpus: Corpus, folder: Path, steps: int, core: int | None) -> BatchChoice:
    """Choose the batch size with the highest rate in processor time, each tried once."""

    def rate(batch: int) -> float:
        return measure_speed(system, batch, corpus, folder, steps, core).cpu

    label = f"training, target tokens a processor second: {system.name}"
    rates = measure_batch_sizes(system.training_batches, rate, label)
    return BatchChoice(max(rates, key=rates.__getitem__), rates)


def measure_speed(system: System, batch: int, corpus: Corpus, folder: Path, steps: int, core: int | None) -> Round:
    """Measure one short training."""
    shutil.rmtree(folder, ignore_errors=True)
    log = folder / "log"
    command = system.speed_command(corpus, folder, batch, steps, LOG_INTERVAL)
    cost = child.run(command, log, core)
    rates = system.logged_rates(folder, log.read_text(encoding="utf-8", errors="replace"))
    if len(rates) < 2:
        raise RuntimeError(f"{system.name} should have logged its speed twice or more in {steps} steps; see {log}")
    rate = statistics.median(rates[1:])
    return Round(rate, rate * cost.seconds / cost.cpu, cost.memory)
