"""Run a whole comparison: plan, trainings, generation cost, report; each part is saved, so that it can be resumed."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from seq2seq.comparison import report, trials
from seq2seq.comparison.calibration import calibrate
from seq2seq.comparison.json_records import REMOVE, read_record
from seq2seq.comparison.measures import POSITIONS, GenerationCost, measure_generation
from seq2seq.comparison.plan import Plan, Variant, config_path, load_plan, merge_plans, save_plan
from seq2seq.comparison.results import Result, Trial, load_trial, sort_results
from seq2seq.errors import UserError, system_errors
from seq2seq.memory_errors import memory_errors
from seq2seq.ranges import shorten
from seq2seq.storage import json_value, write_json

OnProgress = Callable[[str, str], object]  # the current activity and its progress
OnMessage = Callable[[str], object]


def prepare_plan(plan: Plan, folder: Path, again: bool) -> Plan:
    """Save a plan, merged with the plan that its folder contains unless `again` is given."""
    old = None if again else load_plan(folder)
    if old is not None:
        plan = merge_plans(old, plan, folder)
    if again:
        with system_errors(f"cannot remove the results in {folder}"):
            remove_results(folder)
    save_plan(plan, folder)
    return plan


def remove_results(folder: Path) -> None:
    """Remove the files of the previous comparison and nothing else that may be in its folder."""
    for slug in planned_slugs(folder):
        run_names = re.compile(run_name(re.escape(slug), r"\d+"))
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


def run_name(slug: str, seed: int | str) -> str:
    """Return the name of a trial's run."""
    return f"{slug}-{seed}"


def run_comparison(
    plan: Plan, folder: Path, command: str, on_progress: OnProgress, on_message: OnMessage
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
    with trials.forward_signals() as training:
        plan = calibrate(plan, folder, training, on_progress)
        trials_by_slug: dict[str, list[Trial]] = {variant.slug: [] for variant in plan.variants}
        # seed by seed, so that every layer has a result as early as possible
        for seed in range(1, plan.settings.seeds + 1):
            for variant in plan.variants:
                trial = train_variant(plan, variant, seed, folder, training, on_progress)
                trials_by_slug[variant.slug].append(trial)
                on_message(describe_trial(variant, trial, plan.metric))
    results = []
    for variant in plan.variants:
        on_progress(variant.entry, "measuring generation")
        costs, note = load_or_measure_generation(plan, variant, trials_by_slug[variant.slug], folder)
        results.append(Result(variant, trials_by_slug[variant.slug], costs, note))
    best_first = sort_results(results, plan)
    report.write_report(best_first, plan, folder, command)
    return best_first


def train_variant(
    plan: Plan, variant: Variant, seed: int, folder: Path, training: trials.TrainingProcess, on_progress: OnProgress
) -> Trial:
    name = run_name(variant.slug, seed)
    label = f"{variant.entry}, seed {seed} of {plan.settings.seeds}"
    outcome = trials.run_trial(
        training, config_path(folder, variant), seed, name, folder, lambda line: on_progress(label, line)
    )
    return load_trial(seed, outcome, folder, name, plan.metric)


def describe_trial(variant: Variant, trial: Trial, metric: str) -> str:
    """Describe a trial that has ended in one line."""
    if trial.outcome.status == "finished":
        return f"{variant.entry}, seed {trial.seed}: {metric} {trial.value:.4f} after {trial.seconds:.1f} s of training"
    return f"{variant.entry}, seed {trial.seed}, {trial.outcome.status}: {trial.outcome.sentence}"


def load_or_measure_generation(
    plan: Plan, variant: Variant, variant_trials: list[Trial], folder: Path
) -> tuple[list[GenerationCost], str]:
    """Return the generation cost of the first seed that finished, or the reason why there is none."""
    finished_seeds = [trial.seed for trial in variant_trials if trial.outcome.status == "finished"]
    run = trials.run_folder(folder, run_name(variant.slug, finished_seeds[0])) if finished_seeds else None
    if run is None:
        return [], "no training finished"
    path = folder / "measures" / f"{variant.slug}.json"
    if path.exists():
        return read_costs(path), ""
    try:
        with memory_errors("a smaller model needs less"):
            costs = measure_generation(run, "cpu" if plan.on_cpu else "auto")
    except UserError as error:  # the results of training remain valid
        return [], " ".join(str(error).split())[:300]
    write_json(path, json_value(costs))
    return costs, ""


def read_costs(path: Path) -> list[GenerationCost]:
    """Read the saved generation cost of a variant."""
    costs: list[GenerationCost] = read_record(path, list[GenerationCost])
    if (positions := [cost.position for cost in costs]) != [*POSITIONS]:
        raise UserError(f"{path} must have the positions {[*POSITIONS]}, and has {shorten(positions)}; {REMOVE}")
    return costs
