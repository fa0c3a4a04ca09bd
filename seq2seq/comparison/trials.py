"""Trials of a comparison, each a `seq2seq fit` in a separate process."""

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
from typing import Literal, NamedTuple

from seq2seq import runs
from seq2seq.checkpoint import last_checkpoint, list_runs
from seq2seq.comparison.json_records import read_record
from seq2seq.ranges import CountOrZero
from seq2seq.storage import write_json
from seq2seq.training.run_lock import run_lock

POLL_SECONDS = 0.2  # seconds between two polls of a training
NON_FINITE = re.compile(r"is not a finite number (?:at|after) step ([\d,]+)")
NAN_OUTPUT = re.compile(r"the model gives NaN")  # in the error of a preview when the weights are NaN


class Outcome(NamedTuple):
    """The outcome of a training."""

    status: Literal["finished", "diverged", "failed"]
    step: CountOrZero | None = None  # where it diverged
    sentence: str = ""  # the error message


class Stopped(Exception):  # noqa: N818
    """Raised after a signal, once the training has written its checkpoint and ended."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class TrainingProcess:
    """The running training, and the signal that was received.

    The training gets SIGTERM for every signal: Ctrl-C already reaches it as SIGINT, and a second SIGINT would end it in
    the middle of a step.
    """

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.received: int | None = None

    def handle_signal(self, number: int, frame: FrameType | None) -> None:
        if self.process is not None and self.process.poll() is None:
            # a second signal kills it
            (self.process.terminate if self.received is None else self.process.kill)()
        self.received = self.received or number

    def was_interrupted(self) -> bool:
        """Return whether a signal was received."""
        return self.received is not None

    def raise_if_interrupted(self) -> None:
        """Raise Stopped if a signal was received."""
        if self.received is not None:
            raise Stopped(self.received)


@contextmanager
def forward_signals() -> Iterator[TrainingProcess]:
    """Forward signals to the running training, and raise Stopped once it has ended."""
    training = TrainingProcess()
    previous_handlers = {
        number: signal.signal(number, training.handle_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield training
        training.raise_if_interrupted()
    finally:
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)


def fit(
    training: TrainingProcess, arguments: Sequence[str], log: Path, on_progress: Callable[[str], object]
) -> Outcome:
    """Train, and return the outcome as read from the log.

    Args:
        training: Receives the signals.
        arguments: Options of `seq2seq fit`.
        log: File to which the output is appended.
        on_progress: Called repeatedly with the last line about progress.
    """
    training.raise_if_interrupted()
    log.parent.mkdir(parents=True, exist_ok=True)
    # SEQ2SEQ_RUN would name the run of another training
    environment = {name: value for name, value in os.environ.items() if name != "SEQ2SEQ_RUN"}
    command = [sys.executable, "-m", "seq2seq", "fit", *arguments]
    with log.open("ab") as output:
        offset = output.tell()
        training.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
        )
    if training.was_interrupted():  # while the process was started
        training.process.terminate()
    status = None
    while status is None:
        on_progress(last_progress(log, offset))
        try:
            status = training.process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    training.raise_if_interrupted()
    return parse_outcome(status, read_from(log, offset))


def read_from(log: Path, offset: int) -> str:
    with log.open("rb") as file:
        file.seek(offset)
        return file.read().decode("utf-8", errors="replace")


def last_progress(log: Path, offset: int) -> str:
    """Return the last line about a validation."""
    lines = [line for line in read_from(log, offset).splitlines() if line.startswith("step ")]
    return lines[-1] if lines else ""


def parse_outcome(status: int, output: str) -> Outcome:
    """Return the outcome of a training from its exit status and its output."""
    if status == 0:
        return Outcome("finished")
    lines = [line.strip().removeprefix("seq2seq: ") for line in output.splitlines() if line.strip()]
    for line in lines:
        if match := NON_FINITE.search(line):
            return Outcome("diverged", int(match[1].replace(",", "")), line)
    for line in lines:
        if NAN_OUTPUT.search(line):
            return Outcome("diverged", None, line)
    if status < 0:
        return Outcome("failed", None, f"killed by {signal.Signals(-status).name}")
    return Outcome("failed", None, lines[-1] if lines else "no output")


def run_trial(
    training: TrainingProcess, config: Path, seed: int, name: str, folder: Path, on_progress: Callable[[str], object]
) -> Outcome:
    """Train a configuration with a seed, resume it if it was stopped, or return its saved outcome.

    A trial that failed without diverging is tried again, and so is one that finished without writing its summary.
    """
    path = folder / "trials" / f"{name}.json"
    saved: Outcome | None = read_record(path, Outcome) if path.exists() else None
    if saved is not None and saved.status == "diverged":
        return saved
    outcome = (
        Outcome("finished")
        if is_finished(folder, name)
        else train_or_resume(training, config, seed, name, folder, on_progress)
    )
    write_json(path, outcome._asdict())
    return outcome


def train_or_resume(
    training: TrainingProcess, config: Path, seed: int, name: str, folder: Path, on_progress: Callable[[str], object]
) -> Outcome:
    """Train from the last checkpoint, or from the start if there is none."""
    arguments = [
        "--config",
        str(config),
        "--seed_everything",
        str(seed),
        "--name",
        name,
        "--runs",
        str(folder / "runs"),
    ]
    run = run_folder(folder, name)
    if run is not None and last_checkpoint(run).exists():
        arguments.append("--resume")
    elif run is not None:
        with run_lock(run):  # a training that outlived its comparison may still use it
            shutil.rmtree(folder / "runs" / name)
    outcome = fit(training, arguments, folder / "logs" / f"{name}.txt", on_progress)
    if outcome.status == "finished" and not is_finished(folder, name):
        return Outcome("failed", None, f"ended without {runs.FINISHED}")
    return outcome


def is_finished(folder: Path, name: str) -> bool:
    """Return whether the run of a trial has written its final summary."""
    run = run_folder(folder, name)
    return run is not None and (run / runs.FINISHED).exists()


def run_folder(folder: Path, name: str) -> Path | None:
    """Return the folder of a trial's run."""
    numbered_runs = list_runs(folder / "runs" / name)
    return numbered_runs[-1] if numbered_runs else None
