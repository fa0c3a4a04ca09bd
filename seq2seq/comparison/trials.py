"""Trials of a comparison, each a `seq2seq fit` in a process of its own, and the calibration of their length."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Literal, NamedTuple

from seq2seq import runs
from seq2seq.checkpoint import last_checkpoint, list_runs
from seq2seq.comparison.curves import seconds_per_step
from seq2seq.comparison.plan import TARGET_VALIDATIONS, Plan, config_path, save_plan
from seq2seq.comparison.records import read_record
from seq2seq.ranges import CountOrZero
from seq2seq.storage import write_json
from seq2seq.training.run_lock import run_lock

OnProgress = Callable[[str, str], object]  # called repeatedly with the current activity and its progress

POLL_SECONDS = 0.2  # seconds between two polls of a training
NON_FINITE = re.compile(r"is not a finite number (?:at|after) step ([\d,]+)")
NAN_OUTPUT = re.compile(r"the model gives NaN()")  # in the error of a preview when the weights are NaN
CALIBRATION_STEPS = 50
WARM_UP_STEPS = 10  # the first ones, which are slow and not timed
MAX_CALIBRATION_TIME = "00:00:01:00"  # in the format of trainer.max_time


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
    """Trains in processes of their own, one at a time, and forwards signals to them.

    The training gets SIGTERM for every signal: Ctrl-C already reaches it as SIGINT, and a second SIGINT would end it in
    the middle of a step.
    """

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.received: int | None = None

    @contextmanager
    def forward_signals(self) -> Iterator[None]:
        """Forward signals to the running training, and raise Stopped once it has ended."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        previous = {number: signal.signal(number, self.handle_signal) for number in numbers}
        try:
            yield
            self.raise_if_stopped()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def handle_signal(self, number: int, frame: FrameType | None) -> None:
        if self.process is not None and self.process.poll() is None:
            # a second signal kills it
            (self.process.terminate if self.received is None else self.process.kill)()
        self.received = self.received or number

    def raise_if_stopped(self) -> None:
        if self.received is not None:
            raise Stopped(self.received)

    def fit(self, options: dict[str, Any], log: Path, on_progress: Callable[[str], object]) -> Outcome:
        """Run `seq2seq fit`, and return the outcome as read from its output.

        Args:
            options: Options by name; None for one without a value.
            log: File to which the output is appended.
            on_progress: Called repeatedly with the last line about a validation.
        """
        self.raise_if_stopped()
        log.parent.mkdir(parents=True, exist_ok=True)
        arguments = [str(part) for option in options.items() for part in option if part is not None]
        # SEQ2SEQ_RUN would name the run of another training
        environment = {name: value for name, value in os.environ.items() if name != "SEQ2SEQ_RUN"}
        with log.open("ab") as file:
            offset = file.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "seq2seq", "fit", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        if self.received is not None:  # while the process was started
            self.process.terminate()
        status = None
        while status is None:
            lines = read_lines(log, offset)
            on_progress(next((line for line in reversed(lines) if line.startswith("step ")), ""))
            try:
                status = self.process.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
        self.raise_if_stopped()
        return parse_outcome(status, read_lines(log, offset))


def read_lines(log: Path, offset: int) -> list[str]:
    with log.open("rb") as file:
        file.seek(offset)
        return file.read().decode("utf-8", errors="replace").splitlines()


def parse_outcome(status: int, output: list[str]) -> Outcome:
    """Return the outcome of a training from its exit status and the lines of its output."""
    if status == 0:
        return Outcome("finished")
    lines = [line.strip().removeprefix("seq2seq: ") for line in output if line.strip()]
    for pattern in (NON_FINITE, NAN_OUTPUT):
        for line in lines:
            if match := pattern.search(line):
                return Outcome("diverged", int(match[1].replace(",", "")) if match[1] else None, line)
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
    outcome = Outcome("finished")
    if not is_finished(folder, name):
        options = {"--config": config, "--seed_everything": seed, "--name": name, "--runs": folder / "runs"}
        run = run_folder(folder, name)
        if run is not None and last_checkpoint(run).exists():
            options["--resume"] = None
        elif run is not None:
            with run_lock(run):  # a training that outlived its comparison may still use it
                shutil.rmtree(folder / "runs" / name)
        outcome = training.fit(options, folder / "logs" / f"{name}.txt", on_progress)
        if outcome.status == "finished" and not is_finished(folder, name):
            outcome = Outcome("failed", None, f"ended without {runs.FINISHED}")
    write_json(path, outcome._asdict())
    return outcome


def is_finished(folder: Path, name: str) -> bool:
    """Return whether the run of a trial has written its final summary."""
    run = run_folder(folder, name)
    return run is not None and (run / runs.FINISHED).exists()


def run_folder(folder: Path, name: str) -> Path | None:
    """Return the folder of a trial's run."""
    numbered_runs = list_runs(folder / "runs" / name)
    return numbered_runs[-1] if numbered_runs else None


def calibrate(plan: Plan, folder: Path, training: TrainingProcess, on_progress: OnProgress) -> Plan:
    """Return the plan with the steps of every variant, as learning-rate schedules need them; each is saved at once."""
    folder_of_runs = folder / "calibration" / "runs"
    for variant in plan.variants:
        if variant.steps is None and plan.settings.minutes is not None:
            shutil.rmtree(folder_of_runs, ignore_errors=True)
            options = {
                "--config": config_path(folder, variant),
                "--name": variant.slug,
                "--runs": folder_of_runs,
                "--trainer.max_steps": CALIBRATION_STEPS,
                "--trainer.max_time": MAX_CALIBRATION_TIME,
                "--trainer.limit_val_batches": 0,
                "--trainer.log_every_n_steps": 5,
            }
            report = partial(on_progress, f"{variant.entry}, measuring the time of a step")
            training.fit(options, folder / "calibration" / f"{variant.slug}.txt", report)
            run = run_folder(folder / "calibration", variant.slug)  # if it failed, the trials will report why
            step_seconds = None if run is None else seconds_per_step(run, WARM_UP_STEPS)
            shutil.rmtree(folder_of_runs, ignore_errors=True)
            calibrated = variant.with_steps(steps_within(60 * plan.settings.minutes, step_seconds))
            plan = plan._replace(variants=[calibrated if old is variant else old for old in plan.variants])
            save_plan(plan, folder)
    return plan


def steps_within(seconds: float, step_seconds: float | None) -> int:
    """Return the steps that fit into a time, the last of them validated; without a step time those of a calibration."""
    if not step_seconds:
        return CALIBRATION_STEPS
    return max(1, round(seconds / step_seconds / TARGET_VALIDATIONS)) * TARGET_VALIDATIONS
