"""Run a whole comparison: plan, trainings, generation cost, report; each part is saved, so that it can be resumed."""

import pkgutil
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from seq2seq.comparison.generation import POSITIONS, GenerationCost, measure_generation
from seq2seq.comparison.plan import Plan, Variant, config_path, load_plan, merge_plans, save_plan
from seq2seq.comparison.records import REMOVE, read_record
from seq2seq.comparison.report import write_report
from seq2seq.comparison.results import Result, Trial, load_trial, sort_results
from seq2seq.comparison.trials import OnProgress, TrainingProcess, calibrate, run_folder, run_trial
from seq2seq.errors import UserError, system_errors
from seq2seq.memory import memory_errors
from seq2seq.ranges import shorten
from seq2seq.storage import json_value, write_json


def prepare_plan(plan: Plan, folder: Path, again: bool) -> Plan:
    """Save a plan, merged with the plan that its folder contains unless `again` is given."""
    if again:
        with system_errors(f"cannot remove the results in {folder}"):
            remove_results(folder)
    elif (old := load_plan(folder)) is not None:
        plan = merge_plans(old, plan, folder)
    save_plan(plan, folder)
    return plan


def remove_results(folder: Path) -> None:
    """Remove the files of the previous comparison and nothing else that may be in its folder."""
    for slug in planned_slugs(folder):
        run_names = re.compile(rf"{re.escape(slug)}-\d+")
        for run in (folder / "runs").glob("*"):
            if run_names.fullmatch(run.name):
                shutil.rmtree(run, ignore_errors=True)
        for saved_trial in (folder / "trials").glob("*.json"):
            if run_names.fullmatch(saved_trial.stem):
                saved_trial.unlink()
        for path in (folder / "measures" / f"{slug}.json", folder / "configs" / f"{slug}.yaml"):
            path.unlink(missing_ok=True)


def planned_slugs(folder: Path) -> list[str]:
    """Return the slugs of the saved plan, or those of the saved configurations if the plan cannot be read."""
    try:
        plan = load_plan(folder)
    except UserError:
        return [path.stem for path in (folder / "configs").glob("*.yaml")]
    return [variant.slug for variant in (*plan.variants, *plan.inactive)] if plan is not None else []


def run_comparison(
    plan: Plan, folder: Path, command: str, on_progress: OnProgress, on_message: Callable[[str], object]
) -> list[Result]:
    """Run all trials that have not finished, measure generation, write the report, and return the results, best first.

    Args:
        plan: The variants and their budget.
        folder: Folder of the comparison.
        command: The shell command, for the report.
        on_progress: Called repeatedly with the current activity and its progress.
        on_message: Called with a line about each trial that has ended.

    Raises:
        Stopped: after a signal, once the training has written its checkpoint.
    """
    training = TrainingProcess()
    trials: dict[str, list[Trial]] = {}
    with training.forward_signals():
        plan = calibrate(plan, folder, training, on_progress)
        # seed by seed, so that every layer has a result as early as possible
        for seed in range(1, plan.settings.seeds + 1):
            for variant in plan.variants:
                label, name = f"{variant.entry}, seed {seed}", f"{variant.slug}-{seed}"
                report = partial(on_progress, f"{label} of {plan.settings.seeds}")
                outcome = run_trial(training, config_path(folder, variant), seed, name, folder, report)
                trial = load_trial(seed, outcome, folder, name, plan.metric)
                trials.setdefault(variant.slug, []).append(trial)
                on_message(label + describe_end(trial, plan.metric))
    results = []
    for variant in plan.variants:
        on_progress(variant.entry, "measuring generation")
        costs, note = load_or_measure_generation(plan, variant, trials[variant.slug], folder)
        results.append(Result(variant, trials[variant.slug], costs, note))
    best_first = sort_results(results, plan)
    write_report(best_first, plan, folder, command)
    return best_first


def describe_end(trial: Trial, metric: str) -> str:
    """Return the end of a line about a trial."""
    if trial.outcome.status == "finished":
        return f": {metric} {trial.value:.4f} after {trial.seconds:.1f} s of training"
    return f", {trial.outcome.status}: {trial.outcome.sentence}"


def load_or_measure_generation(
    plan: Plan, variant: Variant, trials: list[Trial], folder: Path
) -> tuple[list[GenerationCost], str]:
    """Return the generation cost of the first seed that finished, or the reason why there is none."""
    finished_seeds = [trial.seed for trial in trials if trial.outcome.status == "finished"]
    run = run_folder(folder, f"{variant.slug}-{finished_seeds[0]}") if finished_seeds else None
    if run is None:
        return [], "no training finished"
    path = folder / "measures" / f"{variant.slug}.json"
    if path.exists():
        costs: list[GenerationCost] = read_record(path, list[GenerationCost])
        if (positions := [cost.position for cost in costs]) != [*POSITIONS]:
            raise UserError(f"{path} must have the positions {[*POSITIONS]}, and has {shorten(positions)}; {REMOVE}")
        return costs, ""
    model = variant.config["model"]
    if not hasattr(pkgutil.resolve_name(model["class_path"]), "generation_stepper"):
        return [], "not measured for this model"
    try:
        with memory_errors("a smaller model needs less"):
            # the user has named these classes, and so trusts their packages
            named = {path.partition(".")[0] for part in ("model", "data") for path in class_paths(variant.config[part])}
            trust = [*named, *filter(None, (variant.config.get("trust") or "").split(","))]
            costs = measure_generation(run, plan.device, trust=trust)
    except UserError as error:  # the results of training remain valid
        return [], " ".join(str(error).split())[:300]
    write_json(path, json_value(costs))
    return costs, ""


def class_paths(options: Any) -> Iterator[str]:
    """Yield the import path of every class in a configuration."""
    for key, value in options.items() if isinstance(options, dict) else ():
        if key == "class_path":
            yield value
        yield from class_paths(value)
