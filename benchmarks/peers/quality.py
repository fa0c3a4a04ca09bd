"""How long each system takes from raw text to a good model, its vocabulary and its start included."""

import os
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.peers import child
from benchmarks.peers.corpus import SOURCE, TARGET, Corpus, lines
from benchmarks.peers.decoding import Model, Run, translate
from benchmarks.peers.system import System
from benchmarks.progress import tell
from seq2seq.metrics import bleu
from seq2seq.storage import write_json

LOOK = 0.3  # seconds between two looks for a new checkpoint
WRITING = 3.0  # seconds after which a checkpoint is whole


class Race(NamedTuple):
    """What is run, and until when.

    Args:
        goal: Greedy BLEU on the validation set that ends it.
        limit: Seconds of training after which it is given up.
        steps: Steps after which it is given up.
        every: Steps between two checkpoints.
        scored: Steps between two that are scored.
        first: The first step that is scored.
    """

    goal: float = 30.0
    limit: float = 7200.0
    steps: int = 6000
    every: int = 100
    scored: int = 200
    first: int = 300


class Mark(NamedTuple):
    """A checkpoint: when it was written, without the seconds that validation took."""

    seconds: float
    cpu: float
    bleu: float | None = None


def run(system: System, corpus: Corpus, folder: Path, race: Race, core: int | None) -> dict[str, Any]:
    """Learn the vocabulary, train, and stop where the goal is reached.

    Training stands still while a checkpoint is scored, and that time is not counted. Nothing of the peers' own
    validation counts either, which is in their favour.
    """
    shutil.rmtree(folder, ignore_errors=True)  # an interrupted race left checkpoints that would count as new ones
    folder.mkdir(parents=True)
    before = [
        child.run(command, folder / f"vocabulary-{number}.log", core)
        for number, command in enumerate(system.vocabulary(corpus, folder), 1)
    ]
    marks = train(system, corpus, folder, race, core)
    seconds, cpu = sum(one.seconds for one in before), sum(one.cpu for one in before)
    whole = {step: Mark(mark.seconds + seconds, mark.cpu + cpu, mark.bleu) for step, mark in marks.items()}
    found = conclude(system, folder, race.goal, whole)
    write_json(folder / "result.json", found)
    return found


def train(system: System, corpus: Corpus, folder: Path, race: Race, core: int | None) -> dict[int, Mark]:
    """Train until the goal, the limit or the end, and say when each checkpoint came."""
    log = folder / "log"
    log.unlink(missing_ok=True)
    process = child.start(system.training(corpus, folder, race.steps, race.every), log, core)
    began, paused, cpu = time.perf_counter(), 0.0, 0.0
    marks: dict[int, Mark] = {}
    try:
        while (now := time.perf_counter() - began - paused) < race.limit:
            alive = process.poll() is None
            cpu = child.cpu_seconds(process.pid) if alive else cpu
            new = sorted(set(system.checkpoints(folder)) - set(marks))
            for step in new:
                spent = system.validating(log.read_text(encoding="utf-8", errors="replace"))
                marks[step] = Mark(now - spent, cpu - spent)
            due = [step for step in new if step >= race.first and (step - race.first) % race.scored == 0]
            if alive and due:
                time.sleep(WRITING)
                stopped = time.perf_counter()
                os.kill(process.pid, signal.SIGSTOP)
                reached = score(system, corpus, folder, marks, due[-1], core) >= race.goal
                paused += time.perf_counter() - stopped
                if reached:
                    break
                os.kill(process.pid, signal.SIGCONT)
            if not alive:
                break
            time.sleep(LOOK)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if not marks:
        raise RuntimeError(f"{system.name} ended without a checkpoint; see {log}")
    last = max(marks)
    if marks[last].bleu is None and all((mark.bleu or 0) < race.goal for mark in marks.values()):
        score(system, corpus, folder, marks, last, core)
    for step in passed_over(marks, race.goal):
        score(system, corpus, folder, marks, step, core)
    return marks


def passed_over(marks: Mapping[int, Mark], goal: float) -> list[int]:
    """Checkpoints that nobody scored, between the last one below the goal and the first that reached it."""
    scores = {step: mark.bleu for step, mark in marks.items() if mark.bleu is not None}
    good = min((step for step, found in scores.items() if found >= goal), default=0)
    below = max((step for step in scores if step < good), default=0)
    return [step for step in sorted(marks) if below < step < good]


def score(system: System, corpus: Corpus, folder: Path, marks: dict[int, Mark], step: int, core: int | None) -> float:
    """Greedy BLEU of a checkpoint on the validation set: cased, detokenised, sacreBLEU's own tokens."""
    source = corpus.raw("val", SOURCE)
    model = Model(system, system.checkpoints(folder)[step])
    translate(model, Run(source, 1, system.batches[0]), folder / f"val-{step}", core)
    [output] = (folder / f"val-{step}").glob(f"{source.name}.*.1.{system.batches[0]}")
    value = bleu(lines(output), lines(corpus.raw("val", TARGET))).value
    marks[step] = marks[step]._replace(bleu=value)
    tell(f"quality: {system.name} after {marks[step].seconds:,.0f} s, step {step}: {value:.2f} BLEU")
    return value


def conclude(system: System, folder: Path, goal: float, marks: Mapping[int, Mark]) -> dict[str, Any]:
    """The first checkpoint that is good enough, or the best one."""
    scored = {step: mark for step, mark in marks.items() if mark.bleu is not None}
    good = [step for step, mark in sorted(scored.items()) if (mark.bleu or 0) >= goal]
    step = good[0] if good else max(scored, key=lambda one: scored[one].bleu or 0, default=None)
    last = max(marks.values(), key=lambda mark: mark.seconds, default=Mark(0.0, 0.0))
    end = marks[step] if good and step is not None else last
    return {
        "reached": bool(good),
        "seconds": end.seconds,
        "cpu": end.cpu,
        "best": scored[step].bleu if step is not None else None,
        "checkpoint": str(system.checkpoints(folder)[step]) if step is not None else None,
        "curve": {str(one): mark._asdict() for one, mark in sorted(marks.items())},
    }
