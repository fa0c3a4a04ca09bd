"""The plan of a comparison, which is saved so that a resumed comparison does the same."""

import copy
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytorch_lightning as pl
import yaml
from jsonargparse import ArgumentParser

from seq2seq.comparison.blocks import apply_entry, describe_block
from seq2seq.comparison.entries import parse_entries
from seq2seq.comparison.json_records import remedy, to_type
from seq2seq.comparison.widths import Width, find_width, is_close, nearest_width, parameter_counter
from seq2seq.construction import constructor_errors
from seq2seq.errors import UserError
from seq2seq.ranges import Count, ParameterCount, Positive, out_of_range, ranges, shorten
from seq2seq.storage import atomic_write, path_inside, read_json, write_json
from seq2seq.training.language_model import LanguageModel
from seq2seq.training.translator import Translator

PLAN_VERSION = 1  # of the format of plan.json; plans of another version are rejected
Budget = Literal["parameters", "time", "tokens"]
TARGET_VALIDATIONS = 8  # of each training, approximately
ALLOWED_VALIDATIONS = (8, 9, 7, 10, 6, 11, 5, 12)  # numbers of validations in order of preference
MAX_STEPS_ALL_VALIDATED = 15  # up to this many steps every step may be validated
RECIPE_KEYS = ("model", "optimizer")  # parts of a configuration that a recipe changes
VOCABULARY_ARGUMENTS = ("vocab_size", "source_vocab_size", "target_vocab_size", "shared_vocabulary")  # of the data


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
    size: Count
    parameters: ParameterCount
    config: dict[str, Any]
    steps: Count | None  # None before calibration, if there is a time limit


class Plan(NamedTuple):
    """All variants of a comparison and the settings from which they follow."""

    settings: Settings
    variants: list[Variant]
    inactive: tuple[Variant, ...] = ()  # of earlier entries that are not compared now but may be again

    @property
    def on_cpu(self) -> bool:
        """Whether training runs on the CPU."""
        return bool(self.settings.config["trainer"]["accelerator"] == "cpu")

    @property
    def metric(self) -> str:
        """The metric that selects the best checkpoint: val_loss or val_bleu."""
        return "val_bleu" if self.settings.config["checkpoint"]["monitor"] == "val_bleu" else "val_loss"


def make_plan(settings: Settings) -> Plan:
    """Plan the training of all entries. Raises a UserError for one that cannot be trained."""
    check_budget(settings)
    config = settings.config
    model = model_class(config)
    entries = parse_entries(settings.layers, model)
    for entry in entries:
        if settings.budget == "parameters" and "size" in entry.options:
            raise UserError(f"--budget parameters solves the size of each layer, and {entry.text} gives one")
    vocab = vocabulary_arguments(config, model)
    target = settings.parameters
    if settings.budget == "parameters" and target is None:
        target = configured_width(config, model, vocab, "the configured model").parameters
    variants: list[Variant] = []
    for entry in entries:
        new_config = apply_entry(config, entry, model, settings.same_block)
        if target is None:
            width = configured_width(new_config, model, vocab, entry.text)
        else:
            width = solve_width(new_config, model, vocab, target, entry.text)
        new_config["model"]["init_args"]["size"] = width.size
        steps = (
            None if settings.minutes is not None else round_steps(settings.steps or int(config["trainer"]["max_steps"]))
        )
        if steps is not None:
            new_config = with_steps(new_config, steps)
        slug = make_slug(entry.text, [variant.slug for variant in variants])
        variants.append(
            Variant(entry.text, slug, describe_block(new_config, entry, model, config), *width, new_config, steps)
        )
    return Plan(settings, variants)


def solve_width(
    config: dict[str, Any], model: type[pl.LightningModule], vocab: dict[str, Any], target: int, label: str
) -> Width:
    """Return the width with this many parameters; `feed_forward` is adjusted where heads make widths too coarse."""
    count = config_counter(config, model, vocab, label)
    width = nearest_width(count, target, label)
    model_options = config["model"]["init_args"]
    if not is_close(width, target) and model_options.get("feed_forward"):
        hidden_width = find_width(
            lambda hidden_width: count(width.size, feed_forward=hidden_width / width.size), target, label
        )
        model_options["feed_forward"] = hidden_width.size / width.size
        return Width(width.size, hidden_width.parameters)
    return find_width(count, target, label)


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


def model_class(config: dict[str, Any]) -> type[pl.LightningModule]:
    """Return the class of the configured model."""
    class_name = config["model"]["class_path"].rsplit(".", 1)[-1]
    supported = {cls.__name__: cls for cls in (LanguageModel, Translator)}
    if class_name not in supported:
        raise UserError(
            f"only a LanguageModel or a Translator can be compared, and the configuration has a {class_name}"
        )
    return supported[class_name]


def vocabulary_arguments(config: dict[str, Any], model: type[pl.LightningModule]) -> dict[str, Any]:
    """Return the vocabulary arguments of the model; reads the corpus and learns its vocabulary, as training does."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(pl.LightningDataModule, "data")
    with warnings.catch_warnings(), constructor_errors():
        warnings.simplefilter("ignore", DeprecationWarning)
        data = parser.instantiate_classes(parser.parse_object({"data": config["data"]})).data
    required = VOCABULARY_ARGUMENTS[:1] if issubclass(model, LanguageModel) else VOCABULARY_ARGUMENTS[1:]
    if not all(hasattr(data, name) for name in required):
        raise UserError(f"a {model.__name__} cannot be trained on {type(data).__name__}")
    return {name: getattr(data, name) for name in required}


def config_counter(
    config: dict[str, Any], model: type[pl.LightningModule], vocab: dict[str, Any], label: str
) -> Callable[..., int]:
    """Return the function that counts the parameters of this configuration at a width."""
    return parameter_counter(model, {**config["model"]["init_args"], **vocab}, label)


def configured_width(
    config: dict[str, Any], model: type[pl.LightningModule], vocab: dict[str, Any], label: str
) -> Width:
    """Return the configured width and its number of parameters."""
    size = int(config["model"]["init_args"]["size"])
    try:
        return Width(size, config_counter(config, model, vocab, label)(size))
    except UserError as error:
        raise UserError(f"{label} cannot be built: {' '.join(str(error).split())}") from error


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
    new_config = copy.deepcopy(config)
    accumulated_batches = int(new_config["trainer"]["accumulate_grad_batches"] or 1)
    validation_interval = steps // (validation_count(steps) or steps)
    new_config["trainer"].update(
        max_steps=steps,
        val_check_interval=validation_interval * accumulated_batches,
        check_val_every_n_epoch=None,
        log_every_n_steps=min(validation_interval, int(new_config["trainer"]["log_every_n_steps"])),
    )
    return new_config


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
    with remedy("choose another folder with --output, or start anew with --again"):
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
    same = old.settings._replace(seeds=new.settings.seeds, layers=new.settings.layers)
    known_variants = {variant.entry: variant for variant in (*old.variants, *old.inactive)}
    changed = differences(same._asdict(), new.settings._asdict()) or [
        f"the block of {variant.entry}"
        for variant in new.variants
        if variant.entry in known_variants
        and any(known_variants[variant.entry].config.get(key) != variant.config[key] for key in RECIPE_KEYS)
    ]
    if changed:
        raise UserError(
            f"{folder} contains another comparison (changed: {', '.join(changed[:5])}); choose another folder with "
            f"--output, or start anew with --again"
        )
    variants = merge_variants(new.variants, known_variants)
    active = {variant.entry for variant in variants}
    return Plan(
        new.settings, variants, tuple(variant for entry, variant in known_variants.items() if entry not in active)
    )


def merge_variants(variants: Iterable[Variant], known_variants: dict[str, Variant]) -> list[Variant]:
    """Return the variants, those that were planned before with their slug and steps, and new ones with unused slugs."""
    used = [variant.slug for variant in known_variants.values()]
    merged: list[Variant] = []
    for variant in variants:
        if (known := known_variants.get(variant.entry)) is not None:
            if variant.steps is None and known.steps is not None:
                variant = variant._replace(steps=known.steps, config=with_steps(variant.config, known.steps))
            merged.append(variant._replace(slug=known.slug))
        else:
            merged.append(variant._replace(slug=make_slug(variant.entry, used)))
            used.append(merged[-1].slug)
    return merged


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
