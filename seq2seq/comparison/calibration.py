"""How many steps fit into a time: found by a short training, since a schedule must know its end."""

import shutil
from collections.abc import Callable
from pathlib import Path

from seq2seq.comparison.curves import pace
from seq2seq.comparison.plan import VALIDATIONS, Plan, Variant, config_of, save, with_steps
from seq2seq.comparison.trials import Child, fit, run_of

STEPS = 50
SKIPPED = 10  # of them, which are slow
LONGEST = "00:00:01:00"  # of a calibration, as trainer.max_time is written


def calibrate(plan: Plan, folder: Path, child: Child, look: Callable[[str, str], object]) -> Plan:
    """The plan with the steps of each, which are kept one by one, so that going on finds the same."""
    minutes = plan.settings.minutes
    for place, variant in enumerate(plan.variants):
        if variant.steps is None and minutes is not None:
            steps = steps_within(60 * minutes, step_seconds(variant, folder, child, look))
            timed = variant._replace(steps=steps, config=with_steps(variant.config, steps))
            plan = plan._replace(variants=[*plan.variants[:place], timed, *plan.variants[place + 1 :]])
            save(plan, folder)
    return plan


def steps_within(seconds: float, step: float | None) -> int:
    """Steps that take so long, such that the last one is validated; of what has no pace, as many as were tried."""
    return STEPS if not step else max(1, round(seconds / step / VALIDATIONS)) * VALIDATIONS


def step_seconds(variant: Variant, folder: Path, child: Child, look: Callable[[str, str], object]) -> float | None:
    """Seconds of a step; None if the training fails, which its trials will do again and say why."""
    place = folder / "calibration"
    shutil.rmtree(place / "runs" / variant.slug, ignore_errors=True)
    options = {
        "--config": config_of(folder, variant),
        "--name": variant.slug,
        "--runs": place / "runs",
        "--trainer.max_steps": STEPS,
        "--trainer.max_time": LONGEST,
        "--trainer.limit_val_batches": 0,
        "--trainer.log_every_n_steps": 5,
    }
    given = [str(part) for pair in options.items() for part in pair]
    fit(child, given, place / f"{variant.slug}.txt", lambda line: look(variant.slug, "finding its pace"))
    run = run_of(place, variant.slug)
    found = None if run is None else pace(run, SKIPPED)
    shutil.rmtree(place / "runs", ignore_errors=True)
    return found
