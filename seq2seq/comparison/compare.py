"""A whole comparison: plan, trainings, measures, report; each part is kept, so that a stopped one goes on."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from seq2seq.comparison import report, trials
from seq2seq.comparison.calibration import calibrate
from seq2seq.comparison.measures import Generation, generation
from seq2seq.comparison.plan import Plan, Variant, agreed, config_of, load, save
from seq2seq.comparison.results import Result, Trial, ordered, trial_of
from seq2seq.errors import UserError
from seq2seq.memory_errors import memory_errors
from seq2seq.storage import plain, write_json

Look = Callable[[str, str], object]  # what is done now, and how far it is
Say = Callable[[str], object]


def planned(plan: Plan, folder: Path, again: bool) -> Plan:
    """Write a plan into its folder; if one is there already, with what that one has decided, unless all starts anew."""
    old = None if again else load(folder)
    if old is not None:
        plan = agreed(old, plan, folder)
    if again:
        forget(folder)
    if plan != old:
        save(plan, folder)
    return plan


def forget(folder: Path) -> None:
    """Remove what the comparison before left, and nothing else that may be in its folder."""
    for slug in slugs_of(folder):
        trial = re.compile(name_of(re.escape(slug), r"\d+"))
        for run in (folder / "runs").glob("*"):
            if trial.fullmatch(run.name):
                shutil.rmtree(run, ignore_errors=True)
        for kept in (folder / "trials").glob("*.json"):
            if trial.fullmatch(kept.stem):
                kept.unlink()
        for left in (folder / "measures" / f"{slug}.json", folder / "configs" / f"{slug}.yaml"):
            left.unlink(missing_ok=True)


def slugs_of(folder: Path) -> list[str]:
    """The names of all that was planned here: those of the configurations where the plan itself cannot be read."""
    try:
        plan = load(folder)
    except UserError:
        return [path.stem for path in (folder / "configs").glob("*.yaml")]
    return [variant.slug for variant in (*plan.variants, *plan.aside)] if plan is not None else []


def name_of(slug: str, seed: int | str) -> str:
    """The name of a trial's run."""
    return f"{slug}-{seed}"


def compared(plan: Plan, folder: Path, command: str, look: Look, say: Say) -> list[Result]:
    """Train what has not been trained, measure what has not been measured, and write the report; best first.

    Args:
        plan: What is trained.
        folder: Where everything is.
        command: How this is called at the shell, for the report.
        look: Told again and again what is done now, and how far it is.
        say: Told when a training has ended.

    Raises:
        Stopped: after a signal, once the training has written its checkpoint.
    """
    with trials.listening() as child:
        plan = calibrate(plan, folder, child, look)
        found: dict[str, list[Trial]] = {variant.slug: [] for variant in plan.variants}
        # seed by seed, so that all layers are there as early as can be
        for seed in range(1, plan.settings.seeds + 1):
            for variant in plan.variants:
                trial = trained(plan, variant, seed, folder, child, look)
                found[variant.slug].append(trial)
                say(told(variant, trial, plan.metric))
    results = []
    for variant in plan.variants:
        look(variant.entry, "measuring generation")
        numbers, note = measured(plan, variant, found[variant.slug], folder)
        results.append(Result(variant, found[variant.slug], numbers, note))
    best_first = ordered(results, plan)
    report.write(best_first, plan, folder, command)
    return best_first


def trained(plan: Plan, variant: Variant, seed: int, folder: Path, child: trials.Child, look: Look) -> Trial:
    name = name_of(variant.slug, seed)
    what = f"{variant.entry}, seed {seed} of {plan.settings.seeds}"
    ended = trials.trial(child, config_of(folder, variant), seed, name, folder, lambda line: look(what, line))
    return trial_of(seed, ended, folder, name, plan.metric)


def told(variant: Variant, trial: Trial, metric: str) -> str:
    """A line about a training that has ended."""
    if trial.outcome.status == "finished":
        return f"{variant.entry}, seed {trial.seed}: {metric} {trial.value:.4f} after {trial.seconds:.1f} s of training"
    return f"{variant.entry}, seed {trial.seed}, {trial.outcome.status}: {trial.outcome.sentence}"


def measured(plan: Plan, variant: Variant, found: list[Trial], folder: Path) -> tuple[list[Generation], str]:
    """Generation with the first seed that finished, or why there is no number."""
    finished = [trial.seed for trial in found if trial.outcome.status == "finished"]
    run = trials.run_of(folder, name_of(variant.slug, finished[0])) if finished else None
    if run is None:
        return [], "no training finished"
    kept = folder / "measures" / f"{variant.slug}.json"
    if (held := trials.read(kept)) is not None:
        return [Generation(**one) for one in held], ""
    try:
        with memory_errors("a smaller model needs less"):
            numbers = generation(run, "cpu" if plan.on_cpu else "auto")
    except UserError as error:  # the trainings stand without it
        return [], " ".join(str(error).split())[:300]
    write_json(kept, plain(numbers))
    return numbers, ""
