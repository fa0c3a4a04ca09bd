"""What a comparison is going to do, decided once and kept, so that going on does the same."""

import copy
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytorch_lightning as pl
import yaml
from jsonargparse import ArgumentParser

from seq2seq.comparison.blocks import block, varied
from seq2seq.comparison.entries import parse_entries
from seq2seq.comparison.widths import Width, close, counter, nearest, solve
from seq2seq.construction import constructors_errors
from seq2seq.errors import UserError
from seq2seq.models import LanguageModel, Translator
from seq2seq.ranges import Count, ParameterCount, Positive, out_of_range, ranges
from seq2seq.storage import atomic_write, read_json, write_json

Budget = Literal["parameters", "time", "tokens"]
VALIDATIONS = 8  # of each training, about
ABOUT = (8, 9, 7, 10, 6, 11, 5, 12)  # and how many they may be for steps that are no multiple, the best first
FEW = 15  # steps, each of which can be validated
DECIDED = ("model", "optimizer")  # parts of a configuration that a layer's recipe decides
VOCABULARY = ("vocab_size", "source_vocab_size", "target_vocab_size", "shared_vocabulary")  # which the data says


class Settings(NamedTuple):
    """What was asked for."""

    config: dict[str, Any]  # complete, with every default
    layers: list[str]
    budget: Budget
    seeds: Count
    minutes: Positive | None
    steps: Count | None
    parameters: ParameterCount | None
    same_block: bool


class Variant(NamedTuple):
    """One of the layers as a complete configuration."""

    entry: str
    slug: str  # its name as a file
    block: str
    size: int
    parameters: int
    config: dict[str, Any]
    steps: int | None  # not known before its pace is, if there is a limit of time


class Plan(NamedTuple):
    settings: Settings
    variants: list[Variant]
    aside: tuple[Variant, ...] = ()  # what was compared before and is not now; it may come back

    @property
    def on_cpu(self) -> bool:
        """Whether nothing is trained on an accelerator."""
        return bool(self.settings.config["trainer"]["accelerator"] == "cpu")

    @property
    def metric(self) -> str:
        """What the best checkpoint is chosen by: val_loss or val_bleu."""
        return "val_bleu" if self.settings.config["checkpoint"]["monitor"] == "val_bleu" else "val_loss"


def make_plan(settings: Settings) -> Plan:
    """Raise a ValueError for whatever cannot be trained, before anything is."""
    check(settings)
    config = settings.config
    model = model_of(config)
    entries = parse_entries(settings.layers, model)
    for entry in entries:
        if settings.budget == "parameters" and "size" in entry.options:
            raise UserError(f"--budget parameters solves the size of each layer, and {entry.text} gives one")
    known = vocabulary(config, model)
    target = settings.parameters
    if settings.budget == "parameters" and target is None:
        target = width_of(config, model, known, "the configuration's own model").parameters
    variants: list[Variant] = []
    for entry in entries:
        new = varied(config, entry, model, settings.same_block)
        if target is None:
            width = width_of(new, model, known, entry.text)
        else:
            width = solved(new, model, known, target, entry.text)
        new["model"]["init_args"]["size"] = width.size
        steps = None if settings.minutes is not None else even(settings.steps or int(config["trainer"]["max_steps"]))
        if steps is not None:
            new = with_steps(new, steps)
        name = slug(entry.text, [variant.slug for variant in variants])
        variants.append(Variant(entry.text, name, block(new, entry, model, config), *width, new, steps))
    return Plan(settings, variants)


def solved(
    config: dict[str, Any], model: type[pl.LightningModule], known: dict[str, Any], target: int, what: str
) -> Width:
    """The width for so many parameters; where heads make its steps too coarse, the feed-forward takes up the rest."""
    count = counted(config, model, known, what)
    width = nearest(count, target, what)
    init = config["model"]["init_args"]
    if not close(width, target) and init.get("feed_forward"):
        inner = solve(lambda inner: count(width.size, feed_forward=inner / width.size), target, what)
        init["feed_forward"] = inner.size / width.size
        return Width(width.size, inner.parameters)
    return solve(count, target, what)


def check(settings: Settings) -> None:
    """Raise a UserError if the budget says too little or too much."""
    for sentence in out_of_range(ranges(Settings), settings._asdict(), "--"):
        raise UserError(sentence)
    if settings.minutes is not None and settings.steps is not None:
        raise UserError("--minutes and --steps both say how long each trains: give one of them")
    if settings.budget == "time" and settings.minutes is None:
        raise UserError("--budget time needs --minutes, the training time of each")
    if settings.budget == "tokens" and settings.minutes is not None:
        raise UserError("--budget tokens gives all the same steps: --steps says how many, and not --minutes")
    if settings.budget != "parameters" and settings.parameters is not None:
        raise UserError(f"--parameters belongs to --budget parameters, and not to --budget {settings.budget}")
    if settings.minutes is None and settings.steps is None and (settings.config["trainer"]["max_steps"] or 0) < 1:
        raise UserError(
            "the configuration has no trainer.max_steps: say with --steps or --minutes how long each trains"
        )


def model_of(config: dict[str, Any]) -> type[pl.LightningModule]:
    """The class of the configuration's model."""
    name = config["model"]["class_path"].rsplit(".", 1)[-1]
    kinds = {kind.__name__: kind for kind in (LanguageModel, Translator)}
    if name not in kinds:
        raise UserError(f"a LanguageModel or a Translator can be compared, and the configuration has a {name}")
    return kinds[name]


def vocabulary(config: dict[str, Any], model: type[pl.LightningModule]) -> dict[str, Any]:
    """What the model takes from the data; this reads the corpus and learns its vocabulary, as training would."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(pl.LightningDataModule, "data")
    with warnings.catch_warnings(), constructors_errors():
        warnings.simplefilter("ignore", DeprecationWarning)
        data = parser.instantiate_classes(parser.parse_object({"data": config["data"]})).data
    own = VOCABULARY[:1] if issubclass(model, LanguageModel) else VOCABULARY[1:]
    if not all(hasattr(data, name) for name in own):
        raise UserError(f"a {model.__name__} cannot be trained on {type(data).__name__}")
    return {name: getattr(data, name) for name in own}


def counted(
    config: dict[str, Any], model: type[pl.LightningModule], known: dict[str, Any], what: str
) -> Callable[..., int]:
    """The function that counts this configuration's parameters at a width."""
    return counter(model, {**config["model"]["init_args"], **known}, what)


def width_of(config: dict[str, Any], model: type[pl.LightningModule], known: dict[str, Any], what: str) -> Width:
    """The width that a configuration has."""
    size = int(config["model"]["init_args"]["size"])
    try:
        return Width(size, counted(config, model, known, what)(size))
    except UserError as error:
        raise UserError(f"{what} cannot be built: {' '.join(str(error).split())}") from error


def validations(steps: int) -> int | None:
    """How many parts of a training have the same steps, so that the last step is validated; None if no fit number."""
    return next((parts for parts in ABOUT if steps % parts == 0), steps if steps <= FEW else None)


def even(steps: int) -> int:
    """The most steps up to this many that fall into about eight equal parts: 97 become 96."""
    return next(fewer for fewer in range(steps, 0, -1) if validations(fewer))


def with_steps(config: dict[str, Any], steps: int) -> dict[str, Any]:
    """The configuration with so many even steps, so that its schedule ends with them, and validations among them."""
    new = copy.deepcopy(config)
    batches = int(new["trainer"]["accumulate_grad_batches"] or 1)
    every = steps // (validations(steps) or steps)
    new["trainer"].update(
        max_steps=steps,
        val_check_interval=every * batches,
        check_val_every_n_epoch=None,
        log_every_n_steps=min(every, int(new["trainer"]["log_every_n_steps"])),
    )
    return new


def slug(text: str, taken: Sequence[str]) -> str:
    """A name for files: `LSTM:depth=2` as LSTM-depth-2."""
    name = re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-")
    numbered = (f"{name}-{number}" if number > 1 else name for number in range(1, len(taken) + 2))
    return next(one for one in numbered if one not in taken)


def save(plan: Plan, folder: Path) -> None:
    """Write the plan, and beside it the configurations that its trainings get."""
    for variant in plan.variants:
        with atomic_write(config_of(folder, variant)) as temporary:
            temporary.write_text(yaml.safe_dump(variant.config, sort_keys=False), encoding="utf-8")
    held = {
        "settings": plan.settings._asdict(),
        "variants": [variant._asdict() for variant in plan.variants],
        "aside": [variant._asdict() for variant in plan.aside],
    }
    write_json(folder / "plan.json", held)


def config_of(folder: Path, variant: Variant) -> Path:
    return folder / "configs" / f"{variant.slug}.yaml"


def load(folder: Path) -> Plan | None:
    """The plan of this folder, if there is one."""
    path = folder / "plan.json"
    if not path.exists():
        return None
    try:
        held = read_json(path)
        settings, variants = Settings(**held["settings"]), [Variant(**one) for one in held["variants"]]
        return Plan(settings, variants, tuple(Variant(**one) for one in held.get("aside", ())))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is no plan of a comparison; --again makes a new one") from error


def agreed(old: Plan, new: Plan, folder: Path) -> Plan:
    """The new plan with what the old one, of the same comparison, has decided; seeds and layers may be others.

    Raises:
        ValueError: naming what else is another than before.
    """
    same = old.settings._replace(seeds=new.settings.seeds, layers=new.settings.layers)
    before = {variant.entry: variant for variant in (*old.variants, *old.aside)}
    changed = differences(same._asdict(), new.settings._asdict()) or [
        f"the block of {now.entry}"
        for now in new.variants
        if now.entry in before and any(before[now.entry].config[key] != now.config[key] for key in DECIDED)
    ]
    if changed:
        raise UserError(
            f"{folder} holds another comparison (changed: {', '.join(changed[:5])}); --output names another folder, "
            f"and --again starts this one anew"
        )
    variants = joined(new.variants, before)
    now = {variant.entry for variant in variants}
    return Plan(new.settings, variants, tuple(one for entry, one in before.items() if entry not in now))


def joined(variants: Iterable[Variant], before: dict[str, Variant]) -> list[Variant]:
    """The variants as they were planned before, and those that were not with names of files that none of these has."""
    taken = [variant.slug for variant in before.values()]
    found: list[Variant] = []
    for variant in variants:
        if variant.entry in before:
            found.append(before[variant.entry])
        else:
            found.append(variant._replace(slug=slug(variant.entry, taken)))
            taken.append(found[-1].slug)
    return found


def differences(old: Any, new: Any, name: str = "") -> list[str]:
    """The options that are not the same in both, as they are written at the shell."""
    if isinstance(old, dict) and isinstance(new, dict):
        inner = name and f"{name}."
        return [one for key in {**old, **new} for one in differences(old.get(key), new.get(key), f"{inner}{key}")]
    if old == new:
        return []
    in_config = name.startswith("config.")
    return ["--" + (name.removeprefix("config.").replace(".init_args", "") if in_config else name.replace("_", "-"))]
