"""Measure the time of a step in a short training, since a learning-rate schedule needs a number of steps."""

import shutil
from collections.abc import Callable
from pathlib import Path

from seq2seq.comparison.curves import seconds_per_step
from seq2seq.comparison.plan import TARGET_VALIDATIONS, Plan, Variant, config_path, save_plan, with_steps
from seq2seq.comparison.trials import TrainingProcess, fit, run_folder

CALIBRATION_STEPS = 50
WARM_UP_STEPS = 10  # the first ones, which are slow and not timed
MAX_TIME = "00:00:01:00"  # of a calibration, in the format of trainer.max_time


def calibrate(plan: Plan, folder: Path, training: TrainingProcess, on_progress: Callable[[str, str], object]) -> Plan:
    """Return the plan with the steps of every variant; each is saved at once for resumed comparisons."""
    minutes = plan.settings.minutes
    for index, variant in enumerate(plan.variants):
        if variant.steps is None and minutes is not None:
            steps = steps_within(60 * minutes, measure_step_seconds(variant, folder, training, on_progress))
            calibrated = variant._replace(steps=steps, config=with_steps(variant.config, steps))
            plan = plan._replace(variants=[*plan.variants[:index], calibrated, *plan.variants[index + 1 :]])
            save_plan(plan, folder)
    return plan


def steps_within(seconds: float, step_seconds: float | None) -> int:
    """Return the steps that fit into a time, the last of them validated; without a step time those of a calibration."""
    return (
        CALIBRATION_STEPS
        if not step_seconds
        else max(1, round(seconds / step_seconds / TARGET_VALIDATIONS)) * TARGET_VALIDATIONS
    )


def measure_step_seconds(
    variant: Variant, folder: Path, training: TrainingProcess, on_progress: Callable[[str, str], object]
) -> float | None:
    """Return the seconds of a step; None if the training fails, whose reason its trials will report."""
    calibration_folder = folder / "calibration"
    shutil.rmtree(calibration_folder / "runs" / variant.slug, ignore_errors=True)
    options = {
        "--config": config_path(folder, variant),
        "--name": variant.slug,
        "--runs": calibration_folder / "runs",
        "--trainer.max_steps": CALIBRATION_STEPS,
        "--trainer.max_time": MAX_TIME,
        "--trainer.limit_val_batches": 0,
        "--trainer.log_every_n_steps": 5,
    }
    arguments = [str(part) for pair in options.items() for part in pair]
    fit(
        training,
        arguments,
        calibration_folder / f"{variant.slug}.txt",
        lambda _: on_progress(variant.slug, "measuring the time of a step"),
    )
    run = run_folder(calibration_folder, variant.slug)
    seconds = None if run is None else seconds_per_step(run, WARM_UP_STEPS)
    shutil.rmtree(calibration_folder / "runs", ignore_errors=True)
    return seconds
