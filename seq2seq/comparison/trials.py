"""Trainings of a comparison, each a process of its own: `seq2seq fit`."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Literal, NamedTuple

from seq2seq.checkpoint import last_checkpoint
from seq2seq.storage import read_json, write_json
from seq2seq.training import runs
from seq2seq.training.run_lock import run_lock

POLL = 0.2  # seconds between two looks at a training
DIVERGED = re.compile(r"is not a finite number (?:at|after) step ([\d,]+)")
NO_NUMBERS = re.compile(r"the model gives NaN")  # what a sample of its text says of a model without numbers


class Outcome(NamedTuple):
    """How a training ended."""

    status: Literal["finished", "diverged", "failed"]
    step: int | None = None  # at which it diverged
    sentence: str = ""  # what went wrong


class Stopped(Exception):  # noqa: N818
    """A signal came, and the training has written its checkpoint and ended."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Child:
    """The training that runs now, and the signal that is to end it.

    It gets SIGTERM whatever signal came, since Ctrl-C reaches it already, and the same signal twice would end it in the
    middle of a step.
    """

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.received: int | None = None

    def receive(self, number: int, frame: FrameType | None) -> None:
        if self.process is not None and self.process.poll() is None:
            # the second time it is not asked any more
            (self.process.terminate if self.received is None else self.process.kill)()
        self.received = self.received or number

    def came(self) -> bool:
        """Whether a signal came."""
        return self.received is not None

    def check(self) -> None:
        """Raise Stopped if a signal came."""
        if self.received is not None:
            raise Stopped(self.received)


@contextmanager
def listening() -> Iterator[Child]:
    """Signals end the training that runs, and then raise Stopped."""
    child = Child()
    before = {number: signal.signal(number, child.receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield child
        child.check()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def fit(child: Child, arguments: Sequence[str], log: Path, look: Callable[[str], object]) -> Outcome:
    """Train, and read from the log how it ended.

    Args:
        child: Whom signals reach.
        arguments: Options of `seq2seq fit`.
        log: File to which all that it says is added.
        look: Called again and again with the last line about its progress.
    """
    child.check()
    log.parent.mkdir(parents=True, exist_ok=True)
    # a name of a run in the environment is that of another training
    environment = {name: value for name, value in os.environ.items() if name != "SEQ2SEQ_RUN"}
    command = [sys.executable, "-m", "seq2seq", "fit", *arguments]
    with log.open("ab") as said:
        begin = said.tell()
        child.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, env=environment
        )
    if child.came():  # while the process was made
        child.process.terminate()
    status = None
    while status is None:
        look(progress_of(log, begin))
        try:
            status = child.process.wait(POLL)
        except subprocess.TimeoutExpired:
            continue
    child.check()
    return outcome(status, text_from(log, begin))


def text_from(log: Path, begin: int) -> str:
    with log.open("rb") as file:
        file.seek(begin)
        return file.read().decode("utf-8", errors="replace")


def progress_of(log: Path, begin: int) -> str:
    """The last line about a validation."""
    lines = [line for line in text_from(log, begin).splitlines() if line.startswith("step ")]
    return lines[-1] if lines else ""


def outcome(status: int, said: str) -> Outcome:
    """How a training ended, from its status and from what it said."""
    if status == 0:
        return Outcome("finished")
    lines = [line.strip().removeprefix("seq2seq: ") for line in said.splitlines() if line.strip()]
    for line in lines:
        if wrong := DIVERGED.search(line):
            return Outcome("diverged", int(wrong[1].replace(",", "")), line)
    for line in lines:
        if NO_NUMBERS.search(line):
            return Outcome("diverged", None, line)
    if status < 0:
        return Outcome("failed", None, f"it was ended by {signal.Signals(-status).name}")
    return Outcome("failed", None, lines[-1] if lines else "it said nothing")


def trial(child: Child, config: Path, seed: int, name: str, folder: Path, look: Callable[[str], object]) -> Outcome:
    """Train a configuration with a seed, or go on where this was stopped, or say how it ended before.

    What failed for a reason other than a loss that is no number is tried again, and so is what finished and has left no
    numbers.
    """
    kept = folder / "trials" / f"{name}.json"
    held = read(kept)
    if held is not None and held["status"] == "diverged":
        return Outcome(**held)
    ended = Outcome("finished") if has_ended(folder, name) else trained(child, config, seed, name, folder, look)
    write_json(kept, ended._asdict())
    return ended


def trained(child: Child, config: Path, seed: int, name: str, folder: Path, look: Callable[[str], object]) -> Outcome:
    """Train from the last checkpoint, or from the beginning if there is none."""
    given = ["--config", str(config), "--seed_everything", str(seed), "--name", name, "--runs", str(folder / "runs")]
    run = run_of(folder, name)
    if run is not None and last_checkpoint(run).exists():
        given.append("--resume")
    elif run is not None:
        with run_lock(run):  # or it would be taken from a training that outlived its comparison
            shutil.rmtree(folder / "runs" / name)
    ended = fit(child, given, folder / "logs" / f"{name}.txt", look)
    if ended.status == "finished" and not has_ended(folder, name):
        return Outcome("failed", None, f"it ended without {runs.FINISHED}")
    return ended


def has_ended(folder: Path, name: str) -> bool:
    """Whether a trial's run has left the numbers of its end."""
    run = run_of(folder, name)
    return run is not None and (run / runs.FINISHED).exists()


def run_of(folder: Path, name: str) -> Path | None:
    """The folder of a trial's run."""
    found = runs.numbered(folder / "runs" / name)
    return found[-1] if found else None


def read(path: Path) -> Any:
    """What a JSON file holds; None if there is none."""
    return read_json(path) if path.exists() else None
