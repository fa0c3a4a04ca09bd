"""Parse the entries of --layers: `LSTM`, `LSTM:depth=2,lr=0.01`; for a translator `DECODER` or `ENCODER/DECODER`."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pytorch_lightning as pl
import yaml
from torch import nn

from seq2seq.errors import UserError, closest_name
from seq2seq.ranges import Positive, out_of_range, ranges, shorten
from seq2seq.recurrence.registry import SIZE_ARGUMENTS, registered_layers
from seq2seq.training.translator import Translator

FIXED_ARGUMENTS = {"self", "vocab_size", "source_vocab_size", "target_vocab_size", "shared_vocabulary", *SIZE_ARGUMENTS}
LAYER_ROLES = ("layer", "encoder", "decoder")
MAX_PARSED_CHARS = 100  # longer values of an option are text


class Entry(NamedTuple):
    """A layer, or the encoder and the decoder of a translator, with options."""

    text: str  # as written by the user
    layers: dict[str, str]  # option of the model -> name of the layer's class
    options: dict[str, Any]  # arguments of these classes or of the model, or lr


def parse_entries(texts: Sequence[str], model: type[pl.LightningModule]) -> list[Entry]:
    """Parse all entries. Raises a UserError for unknown layers or options, and for an entry that is given twice."""
    entries: list[Entry] = []
    for text in texts:
        entry = parse_entry(text, model)
        for other in entries:
            if (other.layers, other.options) == (entry.layers, entry.options):
                raise UserError(f"{text} is named twice in --layers")
        entries.append(entry)
    return entries


def parse_entry(text: str, model: type[pl.LightningModule]) -> Entry:
    names, colon, keys = text.partition(":")
    layers = dict(zip(layer_roles(names, text, model), names.split("/"), strict=True))
    for role, name in layers.items():
        known_layers = layer_classes(encoder=role == "encoder")
        if name not in known_layers:
            raise UserError(f"there is no layer {name or repr(name)}{suggestion(name, known_layers)}")
    options: dict[str, Any] = {}
    for pair in keys.split(",") if colon else ():
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UserError(f"an option of a layer is written key=value, and {pair!r} was given in {text}")
        if key in options:
            raise UserError(f"{key} is given twice in {text}")
        known_options = option_names(layers, model)
        if key not in known_options:
            raise UserError(f"{names} has no option {key}{suggestion(key, known_options)}")
        options[key] = parse_number(value, key, text) if key == "lr" else parse_value(value, key, text)
    check_ranges(options, [*(layer_classes(role == "encoder")[name] for role, name in layers.items()), model], text)
    return Entry(text, layers, options)


def parse_value(value: str, key: str, text: str) -> Any:
    """Parse the value of an option as YAML, as in a configuration."""
    try:
        return yaml.safe_load(value) if len(value) <= MAX_PARSED_CHARS else value
    except (yaml.YAMLError, ValueError):
        raise UserError(f"{key} cannot be {shorten(value)}, as in {shorten(text)}") from None


def check_ranges(options: dict[str, Any], classes: Sequence[type], text: str) -> None:
    """Raise a UserError for a number outside its range; a layer's argument shadows the model's option of that name."""
    types = {key: value_type for cls in reversed(classes) for key, value_type in ranges(cls).items()}
    for sentence in out_of_range({**types, "lr": Positive}, options):
        raise UserError(f"{sentence} in {shorten(text)}")


def layer_roles(names: str, text: str, model: type[pl.LightningModule]) -> tuple[str, ...]:
    """Return the options of the model to which the layers of an entry belong."""
    parts = names.count("/") + 1
    if not issubclass(model, Translator):
        if parts > 1:
            raise UserError(f"only a translator has an encoder, and {text} names two layers of a language model")
        return ("layer",)
    if parts > 2:
        raise UserError(f"a translator has an encoder and a decoder, and {text} names {parts} layers")
    return ("decoder",) if parts == 1 else ("encoder", "decoder")


def layer_classes(encoder: bool = False) -> dict[str, type[nn.Module]]:
    """Return all layers by name; an encoder may also be non-causal."""
    return registered_layers(causal=not encoder)


def configurable_arguments(cls: type) -> list[str]:
    """Return the arguments of a class that a configuration can set."""
    return [name for name in inspect.signature(cls).parameters if name not in FIXED_ARGUMENTS]


def option_names(layers: dict[str, str], model: type[pl.LightningModule]) -> list[str]:
    """Return all options that an entry with these layers accepts."""
    layer_options = [
        key for role, name in layers.items() for key in configurable_arguments(layer_classes(role == "encoder")[name])
    ]
    return [*layer_options, *(key for key in configurable_arguments(model) if key not in LAYER_ROLES), "size", "lr"]


def parse_number(value: str, key: str, text: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise UserError(f"{key} must be a number, and {value} was given in {text}") from None


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the end of an error message: the closest known name, or all of them."""
    near = closest_name(name, known, 0.5)
    return f"; did you mean {near}?" if near else f"; there are {', '.join(dict.fromkeys(known))}"
