"""Trainings that are killed at random moments, also during a write, and resumed until they finish."""

import os
import random
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from .. import fixtures, scheduler, states
from ..case import Case
from ..processes import Running, run_fresh
from ..verdict import find_problems

KILLS = 4  # of one training
TRAININGS = 10  # of each model
STEPS = 150
CHECKPOINT_STEPS = 2  # steps between two checkpoints
MAX_WRITES = 14  # checkpoints between two kills, so that KILLS of them happen within STEPS

_COMMON = """
trainer: {max_steps: 150, val_check_interval: 30, check_val_every_n_epoch: null, accelerator: cpu, devices: 1,
  log_every_n_steps: 10}
optimizer: {class_path: AdamW, init_args: {lr: 0.005}}
lr_scheduler: {class_path: WarmupCosine, init_args: {warmup: 20}}
keep: {every_n_steps: 2}
"""
_PAIRS = "{corpus: CORPUS, source: a, target: b, batch_tokens: 60, TOKENIZERS}"
_TRANSLATOR = (
    "data: {class_path: TranslationData, init_args: "
    + _PAIRS
    + "}\nmodel: {class_path: Translator, init_args: {size: 16, depth: 1, dropout: 0.2, word_dropout: 0.1}}\n"
    + _COMMON
)
_SAMPLING = (
    "tokenizer: {class_path: Subwords, init_args: {size: 290, sampling: 0.5}}, "
    "target_tokenizer: {class_path: Subwords, init_args: {size: 290, algorithm: bpe, sampling: 0.2}}"
)
MODELS = {
    "language": """
data: {class_path: LanguageData, init_args: {corpus: CORPUS/text, tokenizer: Characters, batch_size: 3, steps: 7}}
model:
  class_path: LanguageModel
  init_args:
    {layer: {class_path: LSTM, init_args: {weight_dropout: 0.2}}, size: 16, depth: 2, dropout: 0.2, word_dropout: 0.1}
"""
    + _COMMON,
    "translator": _TRANSLATOR.replace("TOKENIZERS", "tokenizer: Words"),
    "sampling": _TRANSLATOR.replace("TOKENIZERS", _SAMPLING),
}


class Kill(NamedTuple):
    """The moment at which a training is killed."""

    moment: str  # start: some time after its launch; step: after some checkpoints; write: during the write of one
    writes: int  # number of checkpoints that are written before
    pause: float  # seconds to wait then


def prepare(workdir: Path, selected: Sequence[Case]) -> None:
    """Train each model without an interruption, in a new process."""
    files = fixtures.for_workdir(workdir)
    models = [name for name in MODELS if any(case.name.startswith(name) for case in selected)]
    for name in models:
        text = MODELS[name].replace("CORPUS", str(files.corpus))
        (workdir / f"{name}.yaml").write_text(text, encoding="utf-8")

    def train(name: str, folder: Path) -> list[str]:
        cache = fixtures.cache_with_kernels(workdir, folder / "cache")
        outcome = run_fresh(folder, *_fit(workdir, name, workdir / "whole"), SEQ2SEQ_CACHE=cache)
        return find_problems(outcome, statuses={0})

    trainings = [Case(name, partial(train, name)) for name in models]
    for verdict in scheduler.run(trainings, workdir / "reference", len(os.sched_getaffinity(0))):
        if verdict.problems:
            raise RuntimeError(f"training {verdict.case.name} without an interruption: {verdict.problems}")


def cases(workdir: Path, seed: int) -> list[Case]:
    result = []
    for name in MODELS:
        for number in range(TRAININGS):
            kills = _draw_kills(random.Random(f"kills {seed} {name} {number}"))
            check = partial(_check, workdir, name, kills, seed + number)
            result.append(Case(f"{name}-{number:02}", check, count=KILLS, seconds=600))
    return result


def _draw_kills(rng: random.Random) -> list[Kill]:
    kills = []
    for _ in range(KILLS):
        moment = rng.choice(("start", "step", "step", "step", "write", "write", "write"))
        pause = {"start": rng.uniform(0.2, 6), "step": rng.uniform(0, 0.04), "write": rng.uniform(0, 0.004)}
        kills.append(Kill(moment, rng.randint(1, MAX_WRITES), pause[moment]))
    return kills


def _fit(workdir: Path, name: str, runs: Path, *options: str) -> list[str | Path]:
    return ["fit", "--config", workdir / f"{name}.yaml", "--runs", runs, *options]


def _check(workdir: Path, name: str, kills: Sequence[Kill], seed: int, folder: Path) -> list[str]:
    from seq2seq import checkpoint

    run = folder / "runs" / name / "1"
    last = run / "checkpoints" / "last.ckpt"
    last_step = 0  # step of the last checkpoint that is known to be written
    variables = {"SEQ2SEQ_CACHE": fixtures.cache_with_kernels(workdir, folder / "cache")}
    for number, kill in enumerate(kills):
        options = ["--resume"] if last.exists() else ["--again"]
        if not last.exists() and run.exists():
            run.rename(folder / f"unfinished-{number}")  # there is no checkpoint yet that could be lost
        running = Running(
            folder,
            _fit(workdir, name, folder / "runs", *options),
            env=variables | {"PYTHONHASHSEED": str(seed * 10 + number)},
        )
        writes = _kill(running, kill, last)
        outcome = running.wait()
        if outcome.status != -signal.SIGKILL:
            return [f"kill {number} {kill} was too late", *find_problems(outcome, statuses={0})]
        if last.exists():
            step = checkpoint.load(last)["global_step"]  # raises if it is not complete
            # the first write after a resume may repeat the previous checkpoint
            if step < last_step + CHECKPOINT_STEPS * max(0, writes - 1):
                return [f"kill {number} {kill}: last.ckpt has step {step}, after {last_step} and {writes} writes"]
            last_step = step
        if (best := run / "checkpoints" / "best.ckpt").exists():
            checkpoint.load(best)
    options = ["--resume"] if last.exists() else ["--again"]
    outcome = run_fresh(
        folder,
        *_fit(workdir, name, folder / "runs", *options),
        **variables,
        PYTHONHASHSEED=str(seed * 10 + 9),
    )
    problems = find_problems(outcome, statuses={0})
    if not problems:
        problems = states.differences(workdir / "whole" / name / "1", run)
        leftover = [path.name for path in run.rglob("*.partial")]
        problems += [f"partial files are left: {leftover}"] if leftover else []
    return problems


def _kill(running: Running, kill: Kill, last: Path) -> int:
    """Kill a training at its moment, and return the number of checkpoints that were written before."""
    start_time, previous, writes = time.monotonic(), _file_identity(last), 0

    def is_due() -> bool:
        nonlocal previous, writes
        if (current := _file_identity(last)) != previous:
            previous, writes = current, writes + 1
        if kill.moment == "start" and time.monotonic() - start_time > kill.pause:
            return True
        return writes >= kill.writes

    running.wait_until(is_due)
    if kill.moment == "write":
        running.wait_until(lambda: any(last.parent.glob("*.partial")) or any(last.parent.glob(".*.partial")), 5)
    if kill.moment != "start":
        time.sleep(kill.pause)
    running.send(signal.SIGKILL)
    return writes


def _file_identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns
