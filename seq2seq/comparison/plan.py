"""The plan of a comparison: the configuration of every entry, saved so that a resumed comparison does the same."""

import json
import pkgutil
import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import pytorch_lightning as pl

from seq2seq.comparison.blocks import apply_entry, describe_block
from seq2seq.comparison.entries import flatten, parse_entries
from seq2seq.comparison.widths import find_width
from seq2seq.errors import UserError, system_errors
from seq2seq.jsonargparse_internals.objects import build_object
from seq2seq.ranges import shorten
from seq2seq.storage import json_value, read_json, write_json
from seq2seq.tasks.loading import data_options
from seq2seq.training.validation_metrics import VALIDATION_METRICS

VALIDATIONS = 8  # of each training, approximately


class Settings(NamedTuple):
    """The options of the command."""

    config: dict[str, Any]  # complete, including defaults
    layers: list[str]
    budget: Literal["parameters", "time", "tokens"]
    seeds: int
    minutes: float | None
    steps: int | None
    parameters: int | None
    same_block: bool


class Variant(NamedTuple):
    """The complete configuration of one entry."""

    entry: str
    block: str
    size: int  # 0 for a model without this option
    parameters: int
    config: dict[str, Any]
    steps: int | None  # None before calibration, if there is a time limit

    @property
    def slug(self) -> str:
        """The name of its files: `LSTM:depth=2` becomes LSTM%3Adepth=2, and no two entries have the same."""
        return quote(self.entry, safe="=,")

    def with_steps(self, steps: int) -> "Variant":
        """Return the variant with about this many steps, and with equally distant validations, also after the last."""
        trainer = self.config["trainer"]
        interval = max(1, steps // VALIDATIONS)
        steps -= steps % interval
        changed = {
            "max_steps": steps,
            "val_check_interval": interval * int(trainer["accumulate_grad_batches"] or 1),
            "check_val_every_n_epoch": None,
            "log_every_n_steps": min(interval, int(trainer["log_every_n_steps"])),
        }
        return self._replace(steps=steps, config={**self.config, "trainer": {**trainer, **changed}})


class Plan(NamedTuple):
    """The settings, and the variants that follow from them."""

    settings: Settings
    variants: dict[str, Variant]  # by entry; after `prepare_plan`, also those that were compared before

    @property
    def metric(self) -> str:
        """The metric that selects the best checkpoint, one of VALIDATION_METRICS; val_loss if it is another."""
        monitor: str | None = self.settings.config["checkpoint"]["monitor"]
        return monitor if monitor in VALIDATION_METRICS else "val_loss"


def make_plan(settings: Settings) -> Plan:
    """Plan the training of all entries. Raises a UserError for one that cannot be trained."""
    config, solves_width = settings.config, settings.budget == "parameters"
    max_steps = settings.steps or int(config["trainer"]["max_steps"] or 0)
    if settings.minutes is not None and settings.steps is not None:
        raise UserError("--minutes and --steps both set the length of each training: give one of them")
    if settings.minutes is None and settings.budget == "time":
        raise UserError("--budget time needs --minutes, the training time of each")
    if settings.minutes is not None and settings.budget == "tokens":
        raise UserError("--budget tokens gives all the same steps: use --steps instead of --minutes")
    if settings.parameters is not None and not solves_width:
        raise UserError(f"--parameters requires --budget parameters, not --budget {settings.budget}")
    if settings.minutes is None and max_steps < 1:
        raise UserError("the configuration has no trainer.max_steps: give --steps or --minutes")
    model, options = pkgutil.resolve_name(config["model"]["class_path"]), config["model"]["init_args"]
    entries = parse_entries(settings.layers, model)
    sizes = [f"a {model.__name__} has no size"] * ("size" not in options)
    sizes += [f"{entry.text} gives one" for entry in entries if "size" in entry.options]
    if solves_width and sizes:
        raise UserError(f"--budget parameters solves the size of each layer, and {sizes[0]}")
    provided, target = provided_options(config, model), settings.parameters
    if solves_width and target is None:
        target = find_width(model, options, provided, None, "the configured model").parameters
    variants = {}
    for entry in entries:
        new_config = apply_entry(config, entry, model, settings.same_block)
        width = find_width(model, new_config["model"]["init_args"], provided, target, entry.text)
        block = describe_block(new_config, entry, model, config)
        variant = Variant(entry.text, block, *width, new_config, None)
        variants[entry.text] = variant if settings.minutes else variant.with_steps(max_steps)
    return Plan(settings, variants)


def provided_options(config: dict[str, Any], model: Any) -> dict[str, Any]:
    """Return the model's options that the data provides; reads the corpus and learns its vocabulary."""
    data, names = build_object(pl.LightningDataModule, config["data"]), data_options(model)
    if not all(hasattr(data, name) for name in names):
        raise UserError(f"a {model.__name__} cannot be trained on {type(data).__name__}")
    return {name: getattr(data, name) for name in names}


def prepare_plan(plan: Plan, folder: Path, again: bool) -> None:
    """Continue the plan that is saved in a folder, if there is one, and save this one; `again` removes its trials.

    Raises a UserError with the options that differ, unless they are the seeds and layers, or with an unknown run.
    """
    try:
        settings, known = read_plan(folder / "plan.json")
    except UserError:
        if not again or list_trials(folder):
            raise
        known = {}
    for run in list_trials(folder, [new for entry, new in plan.variants.items() if entry not in known]):
        raise UserError(f"{run} is not of this comparison: move it, or choose another folder with --output")
    if again:
        with system_errors(f"cannot remove the results in {folder}"):
            for run in list_trials(folder, known.values()):
                shutil.rmtree(run)
        known = {}
    for entry, old in known.items():
        variant = plan.variants.setdefault(entry, old)
        if variant.steps is None and old.steps:
            plan.variants[entry] = variant.with_steps(old.steps)
    new = plan_content(plan)
    models = [f"the model of {entry}" for entry, old in known.items() if json_value(old) != new["variants"][entry]]
    options = differences(settings, new["settings"]) if known else []
    if changed := options or models:
        raise UserError(
            f"{folder} contains another comparison (changed: {', '.join(changed[:5])}); choose another folder with "
            f"--output, or start anew with --again"
        )
    save_plan(plan, folder)


def read_plan(path: Path) -> tuple[Any, dict[str, Variant]]:
    """Return the settings and variants that are saved in a file, if it exists; raise a UserError if it is damaged."""
    try:
        saved = read_json(path) if path.exists() else {"settings": {}, "variants": {}}
        json.dumps(saved, ensure_ascii=False).encode()  # raises an error if it cannot be saved again
        variants = {entry: Variant(**{**fields, "entry": entry}) for entry, fields in saved["variants"].items()}
        variants = {entry: old._replace(steps=old.steps and int(old.steps)) for entry, old in variants.items()}
        return saved["settings"], variants
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        problem = f"has no {error.args[0]}" if isinstance(error, KeyError) else shorten(error)
        raise UserError(
            f"{path} is damaged, or of another version of seq2seq ({problem}); choose another folder with --output, or "
            f"remove {path} and {path.parent}/runs"
        ) from error


def plan_content(plan: Plan) -> Any:
    """Return what is saved of a plan, without the seeds and layers, which may change."""
    return json_value({"settings": plan.settings._replace(layers=[], seeds=1), "variants": plan.variants})


def save_plan(plan: Plan, folder: Path) -> None:
    write_json(folder / "plan.json", plan_content(plan))


def list_trials(folder: Path, variants: Collection[Variant] | None = None) -> list[Path]:
    """Return the existing folders of the trials of these variants, or of all."""
    names = [(run, re.fullmatch(r"(.+)-\d+", run.name)) for run in (folder / "runs").glob("*")]
    return [run for run, name in names if name and (variants is None or name[1] in {v.slug for v in variants})]


def differences(old: Any, new: Any) -> list[str]:
    """Return the options that differ, as they are written on the command line."""
    one, other = flatten(old), flatten(new)
    paths = [path.removeprefix("config.") for path in one | other if one.get(path) != other.get(path)]
    return [f"--{p.replace('.init_args', '')}" if "." in p else f"--{p.replace('_', '-')}" for p in paths]
