"""Measure the time from raw text to a good model, including learning the vocabulary and start-up."""

import os
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.peers import child
from benchmarks.peers.corpus import SOURCE, TARGET, Corpus, lines
from benchmarks.peers.decoding import Model, TranslationJob, translate
from benchmarks.peers.system import System
from benchmarks.progress import print_progress
from seq2seq.metrics import bleu
from seq2seq.storage import write_json

POLL_SECONDS = 0.3  # seconds between two polls for new checkpoints
WRITE_SECONDS = 3.0  # seconds until a checkpoint is completely written


class TrainingGoal(NamedTuple):
    """The goal and the limits of a training.

    Args:
        bleu: Greedy validation BLEU at which training stops.
        max_seconds: Time limit of training.
        max_steps: Limit of training steps.
        checkpoint_interval: Steps between two checkpoints.
        scoring_interval: Steps between two scored checkpoints.
        first_scored: Step of the first scored checkpoint.
    """

    bleu: float = 30.0
    max_seconds: float = 7200.0
    max_steps: int = 6000
    checkpoint_interval: int = 100
    scoring_interval: int = 200
    first_scored: int = 300


class Checkpoint(NamedTuple):
    """A checkpoint: the time until it was written, without validation, and its score."""

    seconds: float
    cpu: float
    bleu: float | None = None


def run(system: System, corpus: Corpus, folder: Path, goal: TrainingGoal, core: int | None) -> dict[str, Any]:
    """Learn the vocabulary, and train until the goal is reached.

    Training is paused while a checkpoint is scored, and that time is not counted. The validation time of the peers is
    not counted either, which is in their favor.
    """
    shutil.rmtree(folder, ignore_errors=True)  # checkpoints of an interrupted training would count as new ones
    folder.mkdir(parents=True)
    vocabulary_costs = [
        child.run(command, folder / f"vocabulary-{number}.log", core)
        for number, command in enumerate(system.vocabulary_commands(corpus, folder), 1)
    ]
    checkpoints = train(system, corpus, folder, goal, core)
    seconds, cpu = sum(cost.seconds for cost in vocabulary_costs), sum(cost.cpu for cost in vocabulary_costs)
    all_checkpoints = {
        step: Checkpoint(checkpoint.seconds + seconds, checkpoint.cpu + cpu, checkpoint.bleu)
        for step, checkpoint in checkpoints.items()
    }
    result = summarize(system, folder, goal.bleu, all_checkpoints)
    write_json(folder / "result.json", result)
    return result


def train(system: System, corpus: Corpus, folder: Path, goal: TrainingGoal, core: int | None) -> dict[int, Checkpoint]:
    """Train until the goal, a limit or the end, and return all checkpoints by step."""
    log = folder / "log"
    log.unlink(missing_ok=True)
    process = child.start(system.training_command(corpus, folder, goal.max_steps, goal.checkpoint_interval), log, core)
    start_time, paused, cpu = time.perf_counter(), 0.0, 0.0
    checkpoints: dict[int, Checkpoint] = {}
    try:
        while (elapsed := time.perf_counter() - start_time - paused) < goal.max_seconds:
            alive = process.poll() is None
            cpu = child.cpu_seconds(process.pid) if alive else cpu
            new_steps = sorted(set(system.checkpoints(folder)) - set(checkpoints))
            for step in new_steps:
                validation_seconds = system.validation_seconds(log.read_text(encoding="utf-8", errors="replace"))
                checkpoints[step] = Checkpoint(elapsed - validation_seconds, cpu - validation_seconds)
            due = [
                step
                for step in new_steps
                if step >= goal.first_scored and (step - goal.first_scored) % goal.scoring_interval == 0
            ]
            if alive and due:
                time.sleep(WRITE_SECONDS)
                stopped = time.perf_counter()
                os.kill(process.pid, signal.SIGSTOP)
                reached = score_checkpoint(system, corpus, folder, checkpoints, due[-1], core) >= goal.bleu
                paused += time.perf_counter() - stopped
                if reached:
                    break
                os.kill(process.pid, signal.SIGCONT)
            if not alive:
                break
            time.sleep(POLL_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if not checkpoints:
        raise RuntimeError(f"{system.name} ended without a checkpoint; see {log}")
    last = max(checkpoints)
    if checkpoints[last].bleu is None and all(
        (checkpoint.bleu or 0) < goal.bleu for checkpoint in checkpoints.values()
    ):
        score_checkpoint(system, corpus, folder, checkpoints, last, core)
    for step in unscored_checkpoints(checkpoints, goal.bleu):
        score_checkpoint(system, corpus, folder, checkpoints, step, core)
    return checkpoints


def unscored_checkpoints(checkpoints: Mapping[int, Checkpoint], goal: float) -> list[int]:
    """Return the unscored checkpoints between the last one below the goal and the first one that reached it."""
    scores = {step: checkpoint.bleu for step, checkpoint in checkpoints.items() if checkpoint.bleu is not None}
    first_good = min((step for step, score in scores.items() if score >= goal), default=0)
    last_below = max((step for step in scores if step < first_good), default=0)
    return [step for step in sorted(checkpoints) if last_below < step < first_good]


def score_checkpoint(
    system: System, corpus: Corpus, folder: Path, checkpoints: dict[int, Checkpoint], step: int, core: int | None
) -> float:
    """Return the greedy validation BLEU of a checkpoint: cased, detokenized, with the tokenizer of sacreBLEU."""
    source = corpus.raw("val", SOURCE)
    model = Model(system, system.checkpoints(folder)[step])
    translate(model, TranslationJob(source, 1, system.translation_batches[0]), folder / f"val-{step}", core)
    [output] = (folder / f"val-{step}").glob(f"{source.name}.*.1.{system.translation_batches[0]}")
    value = bleu(lines(output), lines(corpus.raw("val", TARGET))).value
    checkpoints[step] = checkpoints[step]._replace(bleu=value)
    print_progress(f"quality: {system.name} after {checkpoints[step].seconds:,.0f} s, step {step}: {value:.2f} BLEU")
    return value


def summarize(system: System, folder: Path, goal: float, checkpoints: Mapping[int, Checkpoint]) -> dict[str, Any]:
    """Summarize a training by the first checkpoint that reaches the goal, or by the best one."""
    scored = {step: checkpoint for step, checkpoint in checkpoints.items() if checkpoint.bleu is not None}
    good_steps = [step for step, checkpoint in sorted(scored.items()) if (checkpoint.bleu or 0) >= goal]
    best_step = good_steps[0] if good_steps else max(scored, key=lambda step: scored[step].bleu or 0, default=None)
    last = max(checkpoints.values(), key=lambda checkpoint: checkpoint.seconds, default=Checkpoint(0.0, 0.0))
    final = checkpoints[best_step] if good_steps and best_step is not None else last
    return {
        "reached": bool(good_steps),
        "seconds": final.seconds,
        "cpu": final.cpu,
        "best": scored[best_step].bleu if best_step is not None else None,
        "checkpoint": str(system.checkpoints(folder)[best_step]) if best_step is not None else None,
        "curve": {str(step): checkpoint._asdict() for step, checkpoint in sorted(checkpoints.items())},
    }
