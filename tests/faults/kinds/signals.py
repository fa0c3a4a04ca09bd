"""Signals to commands in fresh processes: how they end, and what they leave."""

import random
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from .. import fixtures, states
from ..case import Case
from ..processes import Running, fresh
from ..verdict import Outcome, complaints
from . import kills

TERM, INT, HUP = signal.SIGTERM, signal.SIGINT, signal.SIGHUP
STOP, CONT = signal.SIGSTOP, signal.SIGCONT
TRAINING = {"term": [TERM], "int": [INT], "hup": [HUP], "term-twice": [TERM, TERM], "int-twice": [INT, INT]}
TRAINING |= {"int-term": [INT, TERM], "stop-cont": [STOP, CONT]}
# of each command the long one; a signal comes while it imports, loads and works
COMMANDS = ("translate", "sample", "evaluate", "score", "tokenize", "quantize", "average", "shortlist")
OTHERS = {"term": [TERM], "int": [INT], "hup": [HUP], "stop-cont": [STOP, CONT]}
MOMENTS = 2  # of each signal to each command
LINES = 6000
AT_ONCE = 0.2  # seconds that a command may still take to its end
BEGUN = 0.3  # seconds after which the interpreter itself has started

prepare = kills.prepare


def cases(stage: Path, seed: int) -> list[Case]:
    found = []
    for model in kills.MODELS:
        for name, numbers in TRAINING.items():
            chance = random.Random(f"signals {seed} {model} {name}")
            check = partial(_training, stage, model, numbers, chance.randint(1, 40), chance.uniform(0, 0.05))
            found.append(Case(f"{model}-fit-{name}", check))
    for command in COMMANDS:
        for name, numbers in OTHERS.items():
            for moment in range(MOMENTS):
                chance = random.Random(f"signals {seed} {command} {name} {moment}")
                pause = BEGUN + chance.uniform(0, 5)
                found.append(Case(f"{command}-{name}-{moment}", partial(_command, stage, command, numbers, pause)))
    return found


def _endings(numbers: Sequence[int]) -> set[int]:
    """The statuses with which a command may end: by the signal itself, or as a shell says it."""
    return {status for number in numbers for status in (-number, 128 + number)} if STOP not in numbers else {0}


def _training(stage: Path, model: str, numbers: Sequence[int], writes: int, pause: float, folder: Path) -> list[str]:
    run = folder / "runs" / model / "1"
    last = run / "checkpoints" / "last.ckpt"
    fit = ["fit", "--config", stage / f"{model}.yaml", "--runs", folder / "runs"]
    running = Running(folder, fit)
    seen, count = None, 0

    def moment() -> bool:
        nonlocal seen, count
        if last.exists() and (now := last.stat().st_ino) != seen:
            seen, count = now, count + 1
        return count >= writes

    running.wait_until(moment)
    time.sleep(pause)
    _send(running, numbers)
    ended = running.ended()
    wrong = complaints(ended, statuses=_endings(numbers))
    in_order = ended.status in (128 + TERM, 128 + INT)
    if in_order and not (b"stopped after step" in ended.out and b"--resume" in ended.out):
        wrong.append("it did not say at which step it stopped and how it goes on")
    if not wrong and STOP not in numbers:
        resumed = fresh(folder, *fit, "--resume", PYTHONHASHSEED="11")
        wrong = complaints(resumed, statuses={0})
    return wrong or states.differences(stage / "whole" / model / "1", run)


def _send(running: Running, numbers: Sequence[int]) -> None:
    for number in numbers:
        running.send(number)
        time.sleep(0.5 if number == STOP else 0.002)


def _command(stage: Path, command: str, numbers: Sequence[int], pause: float, folder: Path) -> list[str]:
    made = fixtures.of(stage)
    output = folder / "output"
    output.write_text("as it was\n", encoding="utf-8")
    lines = (made.corpus / "train.a").read_text(encoding="utf-8").splitlines(keepends=True)
    long = folder / "long.txt"
    long.write_text("".join(lines[number % len(lines)] for number in range(LINES)), encoding="utf-8")
    running = Running(folder, _arguments(made, command, long, output))
    running.wait_until(lambda: False, pause)
    sent = time.monotonic() - running.begin
    _send(running, numbers)
    ended = running.ended(200)
    # a command that had done its work, or was about to end, when the signal came is in order
    done = {0} if ended.seconds - sent < AT_ONCE else set()
    wrong = complaints(ended, statuses=_endings(numbers) | done)
    return wrong + (_left(ended, folder, output, LINES) if command != "sample" else [])


def _left(ended: Outcome, folder: Path, output: Path, lines: int) -> list[str]:
    """What is wrong with the files that a command leaves: a part of its output, or a partial file beside it."""
    wrong = []
    text = output.read_bytes()
    if ended.status != 0 and text != b"as it was\n":
        wrong.append(f"the output was changed by a command that did not finish: {len(text)} bytes")
    if ended.status == 0 and ended.arguments[0] in ("translate", "score") and text.count(b"\n") != lines:
        wrong.append(f"{text.count(bytes([10]))} lines of output for {lines}")
    if ended.status is not None and ended.status != -signal.SIGKILL:
        left = [path.name for path in folder.iterdir() if path.name.endswith(".partial")]
        wrong += [f"a partial file is left: {left}"] if left else []
    return wrong


def _arguments(made: fixtures.Fixtures, command: str, long: Path, output: Path) -> list[str | Path]:
    translator, language = made.run("translator"), made.run("language")
    return {
        "translate": ["translate", translator, "--input", long, "--output", output],
        "sample": ["sample", language, "--length", "4000"],
        "evaluate": ["evaluate", translator, "--source", long, "--reference", long],
        "score": ["score", translator, "--source", long, "--target", long, "--output", output],
        "tokenize": ["tokenize", long, "--out", output, "--tokenizer.size", "300"],
        "quantize": ["quantize", translator, "--output", output],
        "average": ["average", translator, "--output", output],
        "shortlist": ["shortlist", translator, "--output", output],
    }[command]
