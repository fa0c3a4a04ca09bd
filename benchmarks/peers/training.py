"""Target tokens a second in training, on the same pieces of the same vocabulary."""

import shutil
import statistics
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.peers import child
from benchmarks.peers.corpus import Corpus
from benchmarks.peers.measured import Round, Rounds, in_turns
from benchmarks.peers.system import System

EVERY = 10  # steps between two numbers in a log; the first number is of warming up


def measure(
    systems: Sequence[System], corpus: Corpus, folder: Path, steps: int, rounds: int, core: int | None
) -> Rounds:
    works = {one.name: partial(speed, one, corpus, folder / one.name, steps, core) for one in systems}
    return in_turns(works, rounds, "training, target tokens a second")


def speed(system: System, corpus: Corpus, folder: Path, steps: int, core: int | None) -> Round:
    """One short training."""
    shutil.rmtree(folder, ignore_errors=True)
    log = folder / "log"
    command = system.speed_run(corpus, folder, steps, EVERY)
    ran = child.run(command, log, core)
    rates = system.rates(folder, log.read_text(encoding="utf-8", errors="replace"))
    if len(rates) < 2:
        raise RuntimeError(f"{system.name} should have logged its speed twice or more in {steps} steps; see {log}")
    rate = statistics.median(rates[1:])
    return Round(rate, rate * ran.seconds / ran.cpu, ran.memory)
