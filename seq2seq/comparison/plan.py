"""The plan of a comparison, which is saved so that a resumed comparison does the same."""

import pkgutil
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytorch_lightning as pl
import yaml

from seq2seq.comparison.blocks import apply_entry, describe_block
from seq2seq.comparison.entries import data_options, parse_entries
from seq2seq.comparison.records import remedy, to_type
from seq2seq.comparison.widths import configured_width, solve_width
from seq2seq.errors import UserError
from seq2seq.jsonargparse_internals.objects import build_object
from seq2seq.ranges import Count, CountOrZero, ParameterCount, Positive, out_of_range, ranges, shorten
from seq2seq.storage import atomic_write, path_inside, read_json, write_json

PLAN_VERSION = 1  # of the format of plan.json; plans of another version are rejected
START_ANEW = "choose another folder with --output, or start anew with --again"
Budget = Literal["parameters", "time", "tokens"]
TARGET_VALIDATIONS = 8  # of each training, approximately
ALLOWED_VALIDATIONS = (8, 9, 7, 10, 6, 11, 5, 12)  # numbers of validations in order of preference
MAX_STEPS_ALL_VALIDATED = 15  # up to this many steps every step may be validated
RECIPE_KEYS = ("model", "optimizer")  # parts of a configuration that a recipe changes


class Settings(NamedTuple):
    """The options of the command."""

    config: dict[str, Any]  # complete, including defaults
    layers: list[str]
    budget: Budget
    seeds: Count
    minutes: Positive | None
    steps: Count | None
    parameters: ParameterCount | None
    same_block: bool


class Variant(NamedTuple):
    """The complete configuration of one entry."""

    entry: str
    slug: str  # its name in file names
    block: str
    size: CountOrZero  # 0 for a model without this option
    parameters: ParameterCount
    config: dict[str, Any]
    steps: Count | None  # None before calibration, if there is a time limit

    def with_steps(self, steps: int) -> "Variant":
        """Return the variant with this many steps."""
        return self._replace(steps=steps, config=with_steps(self.config, steps))


class Plan(NamedTuple):
    """All variants of a comparison and the settings from which they follow."""

    settings: Settings
    variants: list[Variant]
    inactive: tuple[Variant, ...] = ()  # of earlier entries that are not compared now but may be again

    @property
    def device(self) -> str:
        """The device of the trainings, as `seq2seq.load` takes it."""
        return "cpu" if self.settings.config["trainer"]["accelerator"] == "cpu" else "auto"

    @property
    def metric(self) -> str:
        """The metric that selects the best checkpoint: val_loss or val_bleu."""
        return "val_bleu" if self.settings.config["checkpoint"]["monitor"] == "val_bleu" else "val_loss"


def make_plan(settings: Settings) -> Plan:
    """Plan the training of all entries. Raises a UserError for one that cannot be trained."""
    check_budget(settings)
    config = settings.config
    model = pkgutil.resolve_name(config["model"]["class_path"])
    entries = parse_entries(settings.layers, model)
    options = config["model"]["init_args"]
    if settings.budget == "parameters":
        if "size" not in options:
            raise UserError(f"--budget parameters solves the size of each layer, and a {model.__name__} has no size")
        for entry in entries:
            if "size" in entry.options:
                raise UserError(f"--budget parameters solves the size of each layer, and {entry.text} gives one")
    provided = provided_options(config, model)
    target = settings.parameters
    if settings.budget == "parameters" and target is None:
        target = configured_width(model, options, provided, "the configured model").parameters
    steps = None if settings.minutes else round_steps(settings.steps or int(config["trainer"]["max_steps"]))
    variants: list[Variant] = []
    for entry in entries:
        new_config = apply_entry(config, entry, model, settings.same_block)
        options = new_config["model"]["init_args"]
        if target is None:
            width = configured_width(model, options, provided, entry.text)
        else:
            width = solve_width(model, options, provided, target, entry.text)
            options["size"] = width.size
        slug = make_slug(entry.text, [variant.slug for variant in variants])
        block = describe_block(new_config, entry, model, config)
        variant = Variant(entry.text, slug, block, *width, new_config, None)
        variants.append(variant if steps is None else variant.with_steps(steps))
    return Plan(settings, variants)


def check_budget(settings: Settings) -> None:
    """Raise a UserError if the options of the budget are missing or contradict each other."""
    for sentence in out_of_range(ranges(Settings), settings._asdict(), "--"):
        raise UserError(sentence)
    if settings.minutes is not None and settings.steps is not None:
        raise UserError("--minutes and --steps both set the length of each training: give one of them")
    if settings.budget == "time" and settings.minutes is None:
        raise UserError("--budget time needs --minutes, the training time of each")
    if settings.budget == "tokens" and settings.minutes is not None:
        raise UserError("--budget tokens gives all the same steps: use --steps instead of --minutes")
    if settings.budget != "parameters" and settings.parameters is not None:
        raise UserError(f"--parameters requires --budget parameters, not --budget {settings.budget}")
    if settings.minutes is None and settings.steps is None and (settings.config["trainer"]["max_steps"] or 0) < 1:
        raise UserError("the configuration has no trainer.max_steps: give --steps or --minutes")


def provided_options(config: dict[str, Any], model: type) -> dict[str, Any]:
    """Return the model's options that the data provides; reads the corpus and learns its vocabulary."""
    data = build_object(pl.LightningDataModule, config["data"])
    names = data_options(model)
    if not all(hasattr(data, name) for name in names):
        raise UserError(f"a {model.__name__} cannot be trained on {type(data).__name__}")
    return {name: getattr(data, name) for name in names}


def validation_count(steps: int) -> int | None:
    """Return the number of equally long parts of a training, each ending in a validation; None if there is none."""
    return next(
        (parts for parts in ALLOWED_VALIDATIONS if steps % parts == 0),
        steps if steps <= MAX_STEPS_ALL_VALIDATED else None,
    )


def round_steps(steps: int) -> int:
    """Round steps down to a number with about eight equally long parts: 97 becomes 96."""
    return next(rounded for rounded in range(steps, 0, -1) if validation_count(rounded))


def with_steps(config: dict[str, Any], steps: int) -> dict[str, Any]:
    """Return the configuration with this many (rounded) steps and with validations at equal intervals."""
    trainer = config["trainer"]
    validation_interval = steps // (validation_count(steps) or steps)
    changed = {
        "max_steps": steps,
        "val_check_interval": validation_interval * int(trainer["accumulate_grad_batches"] or 1),
        "check_val_every_n_epoch": None,
        "log_every_n_steps": min(validation_interval, int(trainer["log_every_n_steps"])),
    }
    return {**config, "trainer": {**trainer, **changed}}


def make_slug(text: str, used: Sequence[str]) -> str:
    """Return an unused name for files: `LSTM:depth=2` becomes LSTM-depth-2."""
    return next(slug for slug in slugs(text, len(used) + 1) if slug not in used)


def slugs(text: str, count: int) -> list[str]:
    """Return this many names for the files of an entry, in order of preference."""
    name = re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-")
    return [name, *(f"{name}-{number}" for number in range(2, count + 1))]


def save_plan(plan: Plan, folder: Path) -> None:
    """Write the plan and the configurations of its trainings."""
    for variant in plan.variants:
        with atomic_write(config_path(folder, variant)) as temporary:
            temporary.write_text(yaml.safe_dump(variant.config, sort_keys=False), encoding="utf-8")
    content = {
        "version": PLAN_VERSION,
        "settings": plan.settings._asdict(),
        "variants": [variant._asdict() for variant in plan.variants],
        "inactive": [variant._asdict() for variant in plan.inactive],
    }
    write_json(folder / "plan.json", content)


def config_path(folder: Path, variant: Variant) -> Path:
    return folder / "configs" / f"{variant.slug}.yaml"


def load_plan(folder: Path) -> Plan | None:
    """Return the plan of this folder, if there is one. Raises a UserError if it is damaged or of another version."""
    path = folder / "plan.json"
    if not path.exists():
        return None
    with remedy(START_ANEW):
        content = read_json(path)
        if isinstance(content, dict) and (version := content.pop("version", None)) != PLAN_VERSION:
            number = to_type(int | None, version, f"version of {path}")
            found = "no format version" if number is None else f"format version {number}"
            raise UserError(f"{path} has {found}, and this seq2seq reads version {PLAN_VERSION}")
        plan: Plan = to_type(Plan, content, str(path))
        check_names([*plan.variants, *plan.inactive], folder)
    return plan


def check_names(variants: Sequence[Variant], folder: Path) -> None:
    """Raise a UserError unless every entry occurs once, with a name for its files that `make_slug` can return."""
    for index, variant in enumerate(variants):
        option = f"slug of {shorten(variant.entry)} in {folder / 'plan.json'}"
        path_inside(folder, variant.slug, option)
        if variant.slug not in slugs(variant.entry, len(variants)):
            raise UserError(f"{option} must be {slugs(variant.entry, 1)[0]}, and {shorten(variant.slug)} was given")
        if any(variant.entry == other.entry or variant.slug == other.slug for other in variants[:index]):
            raise UserError(f"{option} and its entry must be unique, and {shorten(variant.slug)} was given twice")


def merge_plans(old: Plan, new: Plan, folder: Path) -> Plan:
    """Return the new plan with the names and the calibrated steps of the old one; only seeds and layers may differ.

    Raises:
        UserError: listing the other options that differ.
    """
    known = {variant.entry: variant for variant in (*old.variants, *old.inactive)}
    same = old.settings._replace(seeds=new.settings.seeds, layers=new.settings.layers)
    changed = differences(same._asdict(), new.settings._asdict()) or [
        f"the block of {variant.entry}"
        for variant in new.variants
        if variant.entry in known
        and any(known[variant.entry].config.get(key) != variant.config[key] for key in RECIPE_KEYS)
    ]
    if changed:
        raise UserError(f"{folder} contains another comparison (changed: {', '.join(changed[:5])}); {START_ANEW}")
    used = [variant.slug for variant in known.values()]
    variants = []
    for variant in new.variants:
        before = known.pop(variant.entry, None)
        slug = make_slug(variant.entry, used) if before is None else before.slug
        if before is not None and before.steps is not None and variant.steps is None:
            variant = variant.with_steps(before.steps)
        variants.append(variant._replace(slug=slug))
        used.append(slug)
    return Plan(new.settings, variants, tuple(known.values()))


def differences(old: Any, new: Any, name: str = "") -> list[str]:
    """Return the options that differ, as they are written on the command line."""
    if isinstance(old, dict) and isinstance(new, dict):
        prefix = name and f"{name}."
        return [
            option for key in {**old, **new} for option in differences(old.get(key), new.get(key), f"{prefix}{key}")
        ]
    if old == new:
        return []
    in_config = name.startswith("config.")
    return ["--" + (name.removeprefix("config.").replace(".init_args", "") if in_config else name.replace("_", "-"))]
