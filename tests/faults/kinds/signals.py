"""Signals to commands in new processes: exit status and remaining files."""

import random
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from .. import fixtures, states
from ..case import Case
from ..processes import Running, run_fresh
from ..verdict import Outcome, find_problems
from . import kills

TERM, INT, HUP = signal.SIGTERM, signal.SIGINT, signal.SIGHUP
STOP, CONT = signal.SIGSTOP, signal.SIGCONT
TRAINING_SIGNALS = {"term": [TERM], "int": [INT], "hup": [HUP], "term-twice": [TERM, TERM], "int-twice": [INT, INT]}
TRAINING_SIGNALS |= {"int-term": [INT, TERM], "stop-cont": [STOP, CONT]}
# each runs long enough to receive the signal during imports, loading or its work
COMMANDS = ("translate", "sample", "evaluate", "score", "tokenize", "quantize", "average", "shortlist")
COMMAND_SIGNALS = {"term": [TERM], "int": [INT], "hup": [HUP], "stop-cont": [STOP, CONT]}
MOMENTS = 2  # per signal and command
LINES = 6000
END_SECONDS = 0.2  # a command that ends within this time may exit normally
START_SECONDS = 0.3  # until the interpreter has started

prepare = kills.prepare


def cases(workdir: Path, seed: int) -> list[Case]:
    result = []
    for model in kills.MODELS:
        for name, signals in TRAINING_SIGNALS.items():
            rng = random.Random(f"signals {seed} {model} {name}")
            check = partial(_training, workdir, model, signals, rng.randint(1, 40), rng.uniform(0, 0.05))
            result.append(Case(f"{model}-fit-{name}", check))
    for command in COMMANDS:
        for name, signals in COMMAND_SIGNALS.items():
            for moment in range(MOMENTS):
                rng = random.Random(f"signals {seed} {command} {name} {moment}")
                pause = START_SECONDS + rng.uniform(0, 5)
                result.append(Case(f"{command}-{name}-{moment}", partial(_command, workdir, command, signals, pause)))
    return result


def _allowed_statuses(signals: Sequence[int]) -> set[int]:
    """Return the allowed statuses: killed by the signal, or 128 plus its number."""
    return {status for number in signals for status in (-number, 128 + number)} if STOP not in signals else {0}


def _training(workdir: Path, model: str, signals: Sequence[int], writes: int, pause: float, folder: Path) -> list[str]:
    run = folder / "runs" / model / "1"
    last = run / "checkpoints" / "last.ckpt"
    fit = ["fit", "--config", workdir / f"{model}.yaml", "--runs", folder / "runs"]
    running = Running(folder, fit)
    previous, count = None, 0

    def is_due() -> bool:
        nonlocal previous, count
        if last.exists() and (inode := last.stat().st_ino) != previous:
            previous, count = inode, count + 1
        return count >= writes

    running.wait_until(is_due)
    time.sleep(pause)
    _send(running, signals)
    outcome = running.wait()
    problems = find_problems(outcome, statuses=_allowed_statuses(signals))
    stopped = outcome.status in (128 + TERM, 128 + INT)
    if stopped and not (b"stopped after step" in outcome.out and b"--resume" in outcome.out):
        problems.append("it did not print the step at which it stopped and how to resume")
    if not problems and STOP not in signals:
        resumed = run_fresh(folder, *fit, "--resume", PYTHONHASHSEED="11")
        problems = find_problems(resumed, statuses={0})
    return problems or states.differences(workdir / "whole" / model / "1", run)


def _send(running: Running, signals: Sequence[int]) -> None:
    for number in signals:
        running.send(number)
        time.sleep(0.5 if number == STOP else 0.002)


def _command(workdir: Path, command: str, signals: Sequence[int], pause: float, folder: Path) -> list[str]:
    files = fixtures.for_workdir(workdir)
    output = folder / "output"
    output.write_text("as it was\n", encoding="utf-8")
    lines = (files.corpus / "train.a").read_text(encoding="utf-8").splitlines(keepends=True)
    long = folder / "long.txt"
    long.write_text("".join(lines[number % len(lines)] for number in range(LINES)), encoding="utf-8")
    running = Running(folder, _arguments(files, command, long, output))
    running.wait_until(lambda: False, pause)
    sent = time.monotonic() - running.start_time
    _send(running, signals)
    outcome = running.wait(200)
    # a command that had finished, or was about to, when the signal arrived may exit normally
    normal = {0} if outcome.seconds - sent < END_SECONDS else set()
    problems = find_problems(outcome, statuses=_allowed_statuses(signals) | normal)
    text = output.read_bytes()
    if outcome.status not in (0, None) and text != b"as it was\n":
        # it may have replaced its output, and only that as a whole, before the signal stopped it
        complete = folder / "complete"
        uninterrupted = run_fresh(folder, *_arguments(files, command, long, complete), seconds=200)
        problems += find_problems(uninterrupted, statuses={0})
        if not problems and text != complete.read_bytes():
            problems.append(f"the output is neither the earlier nor the complete one: {len(text)} bytes")
    return problems + (_check_files(outcome, folder, text, LINES) if command != "sample" else [])


def _check_files(outcome: Outcome, folder: Path, text: bytes, lines: int) -> list[str]:
    """Return the problems with the remaining files: missing lines of output or a partial file."""
    problems = []
    if outcome.status == 0 and outcome.arguments[0] in ("translate", "score") and text.count(b"\n") != lines:
        problems.append(f"{text.count(bytes([10]))} lines of output for {lines}")
    if outcome.status is not None and outcome.status != -signal.SIGKILL:
        leftover = [path.name for path in folder.iterdir() if path.name.endswith(".partial")]
        problems += [f"a partial file is left: {leftover}"] if leftover else []
    return problems


def _arguments(files: fixtures.Fixtures, command: str, long: Path, output: Path) -> list[str | Path]:
    translator, language = files.run("translator"), files.run("language")
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
