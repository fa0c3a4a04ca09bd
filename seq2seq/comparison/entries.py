"""What is compared: `LSTM`, `LSTM:depth=2,lr=0.01`, or for a translator `DECODER` and `ENCODER/DECODER`."""

import difflib
import inspect
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pytorch_lightning as pl
import yaml
from torch import nn

import seq2seq.recurrence
from seq2seq.errors import UserError
from seq2seq.models import Translator
from seq2seq.ranges import Positive, brief, out_of_range, ranges
from seq2seq.recurrence import Recurrence

SIZES = ("input_size", "size")  # what every layer is built with
GIVEN = {"self", "vocab_size", "source_vocab_size", "target_vocab_size", "shared_vocabulary", *SIZES}
ROLES = ("layer", "encoder", "decoder")
LONGEST = 100  # characters of an option's value that is read as more than text


class Entry(NamedTuple):
    """A layer, or the two of a translator, with what was said of it."""

    text: str  # as it was given
    layers: dict[str, str]  # the model's option, and the name of the class that it becomes
    options: dict[str, Any]  # arguments of these classes or of the model, and lr


def parse_entries(texts: Sequence[str], model: type[pl.LightningModule]) -> list[Entry]:
    """Raise a ValueError for a name or a key that does not exist, or for what is named twice."""
    entries: list[Entry] = []
    for text in texts:
        entry = parse_entry(text, model)
        for other in entries:
            if (other.layers, other.options) == (entry.layers, entry.options):
                raise UserError(f"{text} is named twice in --layers, and compared with itself it says nothing")
        entries.append(entry)
    return entries


def parse_entry(text: str, model: type[pl.LightningModule]) -> Entry:
    names, colon, keys = text.partition(":")
    layers = dict(zip(roles(names, text, model), names.split("/"), strict=True))
    for role, name in layers.items():
        known = classes(encoder=role == "encoder")
        if name not in known:
            raise UserError(f"there is no layer {name or repr(name)}{nearest(name, known)}")
    options: dict[str, Any] = {}
    for pair in keys.split(",") if colon else ():
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UserError(f"an option of a layer is written key=value, and {pair!r} was given in {text}")
        if key in options:
            raise UserError(f"{key} is given twice in {text}")
        known_keys = keys_of(layers, model)
        if key not in known_keys:
            raise UserError(f"{names} has no option {key}{nearest(key, known_keys)}")
        options[key] = number(value, key, text) if key == "lr" else scalar(value, key, text)
    check_ranges(options, [*(classes(role == "encoder")[name] for role, name in layers.items()), model], text)
    return Entry(text, layers, options)


def scalar(value: str, key: str, text: str) -> Any:
    """The value of an option, read as in a configuration."""
    try:
        return yaml.safe_load(value) if len(value) <= LONGEST else value
    except (yaml.YAMLError, ValueError):
        raise UserError(f"{key} cannot be {brief(value)}, as in {brief(text)}") from None


def check_ranges(options: dict[str, Any], kinds: Sequence[type], text: str) -> None:
    """Raise a UserError for a number outside its range; a layer's own option goes before the model's of its name."""
    types_of = {key: kind for one in reversed(kinds) for key, kind in ranges(one).items()}
    for sentence in out_of_range({**types_of, "lr": Positive}, options):
        raise UserError(f"{sentence} in {brief(text)}")


def roles(names: str, text: str, model: type[pl.LightningModule]) -> tuple[str, ...]:
    """Which of the model's options an entry's names are."""
    parts = names.count("/") + 1
    if not issubclass(model, Translator):
        if parts > 1:
            raise UserError(f"only a translator has an encoder, and {text} names two layers of a language model")
        return ("layer",)
    if parts > 2:
        raise UserError(f"a translator has an encoder and a decoder, and {text} names {parts} layers")
    return ("decoder",) if parts == 1 else ("encoder", "decoder")


def classes(encoder: bool = False) -> dict[str, type[nn.Module]]:
    """All layers by their names; an encoder may also look ahead, which a decoder may not."""
    exported = {name: getattr(seq2seq.recurrence, name) for name in seq2seq.recurrence.__all__}
    kind = nn.Module if encoder else Recurrence
    return {name: one for name, one in exported.items() if is_layer(one) and issubclass(one, kind)}


def is_layer(thing: Any) -> bool:
    """Whether it can be built from an input size and a size alone, as a model builds its layers."""
    if not inspect.isclass(thing) or not issubclass(thing, nn.Module) or inspect.isabstract(thing):
        return False
    parameters = list(inspect.signature(thing).parameters.values())
    return tuple(p.name for p in parameters[:2]) == SIZES and all(p.default is not p.empty for p in parameters[2:])


def arguments(kind: type) -> list[str]:
    """What can be said of a class in a configuration."""
    return [name for name in inspect.signature(kind).parameters if name not in GIVEN]


def keys_of(layers: dict[str, str], model: type[pl.LightningModule]) -> list[str]:
    """What can be said of an entry."""
    own = [key for role, name in layers.items() for key in arguments(classes(role == "encoder")[name])]
    return [*own, *(key for key in arguments(model) if key not in ROLES), "size", "lr"]


def number(value: str, key: str, text: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise UserError(f"{key} must be a number, and {value} was given in {text}") from None


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about what does not exist."""
    small = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), small, n=1, cutoff=0.5)
    return f"; did you mean {small[near[0]]}?" if near else f"; there are {', '.join(dict.fromkeys(known))}"
