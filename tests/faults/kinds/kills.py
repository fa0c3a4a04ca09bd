"""Trainings that are killed at random moments, also within a write, and resumed until they are done."""

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
from ..processes import Running, fresh
from ..verdict import complaints

KILLS = 4  # of one training
TRAININGS = 10  # of each model
STEPS = 150
EVERY = 2  # steps between two checkpoints
WRITES = 14  # checkpoints between two kills at most, so that KILLS of them fall into STEPS

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
    """When a training is killed."""

    where: str  # start: some time after its launch; step: after some checkpoints; write: within the write of one
    writes: int  # checkpoints that are written before
    pause: float  # seconds that are waited then


def prepare(stage: Path, chosen: Sequence[Case]) -> None:
    """Train each model without an interruption, in a fresh process."""
    made = fixtures.of(stage)
    wanted = [name for name in MODELS if any(case.name.startswith(name) for case in chosen)]
    for name in wanted:
        text = MODELS[name].replace("CORPUS", str(made.corpus))
        (stage / f"{name}.yaml").write_text(text, encoding="utf-8")

    def whole(name: str, folder: Path) -> list[str]:
        cache = fixtures.cache_with_kernels(stage, folder / "cache")
        ended = fresh(folder, *_fit(stage, name, stage / "whole"), SEQ2SEQ_CACHE=cache)
        return complaints(ended, statuses={0})

    steps = [Case(name, partial(whole, name)) for name in wanted]
    for verdict in scheduler.run(steps, stage / "making", len(os.sched_getaffinity(0))):
        if verdict.wrong:
            raise RuntimeError(f"training {verdict.case.name} without an interruption: {verdict.wrong}")


def cases(stage: Path, seed: int) -> list[Case]:
    found = []
    for name in MODELS:
        for number in range(TRAININGS):
            kills = _draw(random.Random(f"kills {seed} {name} {number}"))
            check = partial(_check, stage, name, kills, seed + number)
            found.append(Case(f"{name}-{number:02}", check, count=KILLS, seconds=600))
    return found


def _draw(chance: random.Random) -> list[Kill]:
    kills = []
    for _ in range(KILLS):
        where = chance.choice(("start", "step", "step", "step", "write", "write", "write"))
        pause = {"start": chance.uniform(0.2, 6), "step": chance.uniform(0, 0.04), "write": chance.uniform(0, 0.004)}
        kills.append(Kill(where, chance.randint(1, WRITES), pause[where]))
    return kills


def _fit(stage: Path, name: str, runs: Path, *options: str) -> list[str | Path]:
    return ["fit", "--config", stage / f"{name}.yaml", "--runs", runs, *options]


def _check(stage: Path, name: str, kills: Sequence[Kill], seed: int, folder: Path) -> list[str]:
    from seq2seq import checkpoint

    run = folder / "runs" / name / "1"
    last = run / "checkpoints" / "last.ckpt"
    reached = 0  # the step of the last checkpoint that is known to have been written
    variables = {"SEQ2SEQ_CACHE": fixtures.cache_with_kernels(stage, folder / "cache")}
    for number, kill in enumerate(kills):
        options = ["--resume"] if last.exists() else ["--again"]
        if not last.exists() and run.exists():
            run.rename(folder / f"begun-{number}")  # nothing was written yet that could be lost
        running = Running(
            folder,
            _fit(stage, name, folder / "runs", *options),
            variables=variables | {"PYTHONHASHSEED": str(seed * 10 + number)},
        )
        written = _kill(running, kill, last)
        ended = running.ended()
        if ended.status != -signal.SIGKILL:
            return [f"kill {number} {kill} came too late", *complaints(ended, statuses={0})]
        if last.exists():
            held = checkpoint.load(last)["global_step"]  # raises if it is not whole
            # the first write that is seen after a resume may repeat the one that was there
            if held < reached + EVERY * max(0, written - 1):
                return [f"kill {number} {kill}: last.ckpt has step {held}, after {reached} and {written} writes"]
            reached = held
        if (best := run / "checkpoints" / "best.ckpt").exists():
            checkpoint.load(best)
    options = ["--resume"] if last.exists() else ["--again"]
    ended = fresh(
        folder,
        *_fit(stage, name, folder / "runs", *options),
        **variables,
        PYTHONHASHSEED=str(seed * 10 + 9),
    )
    wrong = complaints(ended, statuses={0})
    if not wrong:
        wrong = states.differences(stage / "whole" / name / "1", run)
        left = [path.name for path in run.rglob("*.partial")]
        wrong += [f"partial files are left: {left}"] if left else []
    return wrong


def _kill(running: Running, kill: Kill, last: Path) -> int:
    """Kill a training at its moment; the number of checkpoints that were seen to be written before."""
    begin, seen, written = time.monotonic(), _identity(last), 0

    def moment() -> bool:
        nonlocal seen, written
        if (now := _identity(last)) != seen:
            seen, written = now, written + 1
        if kill.where == "start" and time.monotonic() - begin > kill.pause:
            return True
        return written >= kill.writes

    running.wait_until(moment)
    if kill.where == "write":
        running.wait_until(lambda: any(last.parent.glob("*.partial")) or any(last.parent.glob(".*.partial")), 5)
    if kill.where != "start":
        time.sleep(kill.pause)
    running.send(signal.SIGKILL)
    return written


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        now = path.stat()
    except FileNotFoundError:
        return None
    return now.st_ino, now.st_mtime_ns
