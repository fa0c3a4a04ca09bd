"""Trials of a comparison, each a `seq2seq fit` in a process of its own, and the calibration of their length."""

import math
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import yaml

from seq2seq import runs
from seq2seq.checkpoint import last_checkpoint, list_runs
from seq2seq.comparison.plan import VALIDATIONS, Plan, Variant, save_plan
from seq2seq.errors import UserError, prefix_errors, system_errors
from seq2seq.storage import read_json, write_text
from seq2seq.training.fit import RUN_VARIABLE
from seq2seq.training.metrics_log import CurvePoint, learning_curve, seconds_per_step
from seq2seq.training.validation_metrics import VALIDATION_METRICS

# of a loss, of a weight, and in the error of a preview when the weights are NaN
NON_FINITE = re.compile(r"is not a finite number (?:at|after) step ([\d,]+)|the model gives NaN")
LOG = "log.txt"  # in the folder of a trial
CALIBRATION_STEPS = 50
CALIBRATION_OPTIONS = ["--trainer.max_steps", str(CALIBRATION_STEPS), "--trainer.max_time", "00:00:01:00"]
CALIBRATION_OPTIONS += ["--trainer.limit_val_batches", "0", "--trainer.log_every_n_steps", "5"]


class Outcome(NamedTuple):
    """The outcome of a training."""

    status: Literal["finished", "diverged", "failed"]
    step: int | None = None  # where it diverged
    sentence: str = ""  # the error message

    def __str__(self) -> str:
        if self.status == "failed":
            return f"failed: {self.sentence}"
        return f"{self.status} at step {self.step:,}" if self.step else self.status


class Trial(NamedTuple):
    """A training of one variant with one seed."""

    seed: int
    outcome: Outcome
    value: float  # the best validation; NaN unless it finished
    seconds: float
    tokens: float
    peak_memory: float
    curve: list[CurvePoint]


def fit(folder: Path, config: dict[str, Any], arguments: list[str], on_progress: Callable[[str], object]) -> Outcome:
    """Run `seq2seq fit` in a folder with its configuration and runs; return the outcome as read from its output.

    If this process is interrupted, the training writes its checkpoint first; a second time, it is killed.
    """
    write_text(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False))
    command = [sys.executable, "-m", "seq2seq", "fit", "--config", str(folder / "config.yaml"), *arguments]
    command += ["--runs", str(folder.parent), "--name", folder.name]
    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    options["env"] = {name: value for name, value in os.environ.items() if name != RUN_VARIABLE}  # names another run
    log = folder / LOG
    with system_errors(f"cannot write {log}"), log.open("ab") as file, subprocess.Popen(command, **options) as process:
        try:
            return wait(process, file, on_progress)
        except KeyboardInterrupt:
            process.terminate()  # Ctrl-C has reached it, too, and a second SIGINT would end it within a step
            wait(process, file, on_progress)
            raise
        finally:
            process.kill()  # has no effect if it has ended


def wait(process: subprocess.Popen[bytes], log: BinaryIO, on_progress: Callable[[str], object]) -> Outcome:
    """Write the output of a training to its log until it ends; return the outcome."""
    lines: list[str] = []
    for line in process.stdout or ():
        log.write(line)
        log.flush()
        lines.append(line.decode(errors="replace").strip())
        if lines[-1].startswith("step "):
            on_progress(lines[-1])
    return parse_outcome(process.wait(), lines)


def parse_outcome(status: int, output: list[str]) -> Outcome:
    """Return the outcome of a training from its exit status and the lines of its output."""
    if status == 0:
        return Outcome("finished")
    lines = [line.strip().removeprefix("seq2seq: ") for line in output if line.strip()]
    for line in lines:
        if match := NON_FINITE.search(line):
            step = int(match[1].replace(",", "")) if match[1] else None
            return Outcome("diverged", step, line)
    if status < 0:
        return Outcome("failed", None, f"killed by {signal.Signals(-status).name}")
    return Outcome("failed", None, lines[-1] if lines else "no output")


def run_trial(folder: Path, variant: Variant, seed: int, metric: str, on_progress: Callable[[str], object]) -> Trial:
    """Train a variant with a seed, or resume it, unless it has finished or diverged before; return the trial."""
    run, log = newest_run(folder), folder / LOG
    past = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    if run is not None and (run / runs.FINISHED).exists():
        outcome = Outcome("finished")
    elif (outcome := parse_outcome(1, past)).status != "diverged":
        resume = ["--resume"] if run is not None and last_checkpoint(run).exists() else []
        outcome = fit(folder, variant.config, ["--seed_everything", str(seed), *resume], on_progress)
    run = newest_run(folder)
    with prefix_errors(f"remove {run}, and it is trained again"):
        points = learning_curve(run, metric) if run is not None else []
    _, tokens, seconds, last_value = points[-1] if points else CurvePoint(0, 0.0, math.nan, math.nan)
    value = peak_memory = math.nan
    if outcome.status == "finished" and not math.isfinite(last_value):
        step = next((point.step for point in points if not math.isfinite(point.value)), None)
        outcome = Outcome("diverged" if points else "failed", step, f"no finite {metric} was logged")
    elif outcome.status == "finished" and run is not None:
        best = max if VALIDATION_METRICS[metric].higher_is_better else min
        value = best(p.value for p in points if math.isfinite(p.value))
        try:  # it is unknown on some systems, and if the training was stopped after its last step
            peak_memory = float(read_json(run / runs.FINISHED).get("peak_memory") or math.nan)
        except (AttributeError, TypeError, ValueError) as error:
            raise UserError(f"{run / runs.FINISHED} is damaged: remove {run}, and it is trained again") from error
    return Trial(seed, outcome, value, seconds, tokens, peak_memory, points)


def newest_run(folder: Path) -> Path | None:
    """Return the newest run in the folder of a trial."""
    return next(reversed(list_runs(folder)), None)


def calibrate(plan: Plan, folder: Path, on_progress: Callable[[str, str], object]) -> None:
    """Plan the steps of every variant that has none, as learning-rate schedules need them; each is saved at once."""
    for entry in plan.settings.layers:
        variant, place = plan.variants[entry], folder / "calibration" / plan.variants[entry].slug
        if variant.steps is None and plan.settings.minutes is not None:
            report = partial(on_progress, f"{entry}, measuring the time of a step")
            fit(place, variant.config, CALIBRATION_OPTIONS, report)  # if it fails, the trials will report why
            run = newest_run(place)
            step_seconds = None if run is None else seconds_per_step(run)
            shutil.rmtree(place, ignore_errors=True)
            plan.variants[entry] = variant.with_steps(steps_within(60 * plan.settings.minutes, step_seconds))
            save_plan(plan, folder)


def steps_within(seconds: float, step_seconds: float | None) -> int:
    """Return the steps that fit into a time, the last of them validated; without a step time those of a calibration."""
    if not step_seconds:
        return CALIBRATION_STEPS
    return max(1, round(seconds / step_seconds / VALIDATIONS)) * VALIDATIONS
