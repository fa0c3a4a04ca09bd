"""Run a whole comparison; each training is saved, so that it can be resumed."""

import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from seq2seq.comparison.generation import GenerationCost, generation_costs
from seq2seq.comparison.plan import Plan, Variant
from seq2seq.comparison.trials import Trial, calibrate, newest_run, run_trial
from seq2seq.training.validation_metrics import VALIDATION_METRICS


class Result(NamedTuple):
    """All trials of one variant, and means over those that finished, NaN if there is none."""

    variant: Variant
    trials: list[Trial]
    generation: list[GenerationCost]
    note: str  # why generation was not measured
    mean: float
    spread: float | None  # the sample standard deviation over seeds, which is None for one seed
    tokens_per_second: float
    seconds: float
    peak_memory: float


def summarize(variant: Variant, trials: list[Trial], generation: list[GenerationCost], note: str) -> Result:
    """Return the result of a variant."""
    finished = [trial for trial in trials if trial.outcome.status == "finished"]
    values = [trial.value for trial in finished] or [math.nan]
    spread = statistics.stdev(values) if len(values) > 1 else None
    speed = statistics.fmean([trial.tokens / max(trial.seconds, 1e-9) for trial in finished] or [math.nan])
    seconds = statistics.fmean([trial.seconds for trial in finished] or [math.nan])
    peak_memory = max((trial.peak_memory for trial in finished if trial.peak_memory >= 0), default=math.nan)
    return Result(variant, trials, generation, note, statistics.fmean(values), spread, speed, seconds, peak_memory)


def run_comparison(
    plan: Plan, folder: Path, on_progress: Callable[[str, str], object], on_message: Callable[[str], object]
) -> list[Result]:
    """Run all trials that have not finished, measure generation, and return the results, best first.

    `on_progress` is called with the current activity and its progress, `on_message` with a line about each ended trial.
    """
    calibrate(plan, folder, on_progress)
    seeds, metric = plan.settings.seeds, plan.metric
    trials: dict[str, list[Trial]] = {entry: [] for entry in plan.settings.layers}
    costs: dict[str, tuple[list[GenerationCost], str]] = defaultdict(lambda: ([], "no training finished"))
    # seed by seed, so that every layer has a result as early as possible
    for seed, (entry, ended) in itertools.product(range(1, seeds + 1), trials.items()):
        variant, label = plan.variants[entry], f"{entry}, seed {seed}"
        place = folder / "runs" / f"{variant.slug}-{seed}"
        trial = run_trial(place, variant, seed, metric, partial(on_progress, f"{label} of {seeds}"))
        ended.append(trial)
        finished = trial.outcome.status == "finished"
        end = f": {metric} {trial.value:.4f} after {trial.seconds:.1f} s of training"
        on_message(label + (end if finished else f", {trial.outcome.status}: {trial.outcome.sentence}"))
        if finished and entry not in costs:
            on_progress(entry, "measuring generation")
            costs[entry] = generation_costs(newest_run(place) or place, variant)
    results = [summarize(plan.variants[entry], ended, *costs[entry]) for entry, ended in trials.items()]
    sign = -1 if VALIDATION_METRICS[metric].higher_is_better else 1
    return sorted(results, key=lambda r: (math.isnan(r.mean), sign * r.mean))
