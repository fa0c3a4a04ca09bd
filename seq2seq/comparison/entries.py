"""Parse the entries of --layers: `LSTM`, `LSTM:depth=2,lr=0.01`, or `ENCODER/DECODER` for a model with two layers."""

import dataclasses
import inspect
import pkgutil
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import yaml
from torch import nn

from seq2seq.errors import UserError, closest_name
from seq2seq.ranges import Positive, out_of_range, shorten
from seq2seq.recurrence.registry import SIZE_ARGUMENTS, is_layer, registered_layers
from seq2seq.tasks.loading import options_from_data

MAX_PARSED_CHARS = 100  # longer values of an option are text


class Option(NamedTuple):
    """An option of a class."""

    path: tuple[str, ...]  # in its init_args; a field of a dataclass is nested, as ("block", "norm")
    annotation: Any
    default: Any

    def get(self, init_args: dict[str, Any]) -> Any:
        """Return the configured value, or the default."""
        value: Any = init_args
        for name in self.path:
            if not isinstance(value, dict) or name not in value:
                return self.default
            value = value[name]
        return value

    def set(self, init_args: dict[str, Any], value: Any) -> None:
        """Configure a value."""
        *groups, name = self.path
        for group in groups:
            init_args = init_args.setdefault(group, {})
        init_args[name] = value


class Entry(NamedTuple):
    """A layer, or an encoder's and a decoder's, with options."""

    text: str  # as written by the user
    layers: dict[str, str]  # option of the model -> name or import path of the layer's class
    options: dict[str, Any]  # of these classes or of the model, or lr


def parse_entries(texts: Sequence[str], model: type) -> list[Entry]:
    """Parse all entries. Raises a UserError for unknown layers or options, and for an entry that is given twice."""
    entries: list[Entry] = []
    for text in texts:
        entry = parse_entry(text, model)
        if any((other.layers, other.options) == (entry.layers, entry.options) for other in entries):
            raise UserError(f"{text} is named twice in --layers")
        entries.append(entry)
    return entries


def parse_entry(text: str, model: type) -> Entry:
    names, colon, pairs = text.partition(":")
    count = names.count("/") + 1
    roles = layer_options(model)
    if count > len(roles):
        raise UserError(
            f"a {model.__name__} has {len(roles)} of these options: {' and '.join(roles)}, and {text} names {count}"
        )
    layers = dict(zip(roles[-count:], names.split("/"), strict=True))
    known = {"lr": Option((), Positive, None), **model_options(model)}
    for name in reversed(layers.values()):  # a layer's option shadows the model's of the same name
        known |= layer_arguments(name)
    options: dict[str, Any] = {}
    for pair in pairs.split(",") if colon else ():
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UserError(f"an option of a layer is written key=value, and {pair!r} was given in {text}")
        if key in options:
            raise UserError(f"{key} is given twice in {text}")
        if key not in known:
            raise UserError(f"{names} has no option {key}{suggestion(key, known)}")
        options[key] = parse_value(value, key, text)
    for message in out_of_range({key: option.annotation for key, option in known.items()}, options):
        raise UserError(f"{message} in {shorten(text)}")
    return Entry(text, layers, options)


def parse_value(value: str, key: str, text: str) -> Any:
    """Parse the value of an option as YAML, as in a configuration; for YAML, a learning rate of 1e-3 would be text."""
    try:
        return float(value) if key == "lr" else yaml.safe_load(value) if len(value) <= MAX_PARSED_CHARS else value
    except (yaml.YAMLError, ValueError):
        if key == "lr":
            raise UserError(f"lr must be a number, and {value} was given in {text}") from None
        raise UserError(f"{key} cannot be {shorten(value)}, as in {shorten(text)}") from None


def options_of(cls: type, excluded: Collection[str] = ()) -> dict[str, Option]:
    """Return the options of a class that a configuration can set, with the fields of those that take a dataclass."""
    options: dict[str, Option] = {}
    parameters = inspect.signature(cls, eval_str=True).parameters
    for name, parameter in parameters.items():
        kind: type = parameter.annotation
        if dataclasses.is_dataclass(kind):
            for field, option in options_of(kind, parameters).items():
                default = getattr(parameter.default, field, option.default)
                options[field] = option._replace(path=(name, *option.path), default=default)
        elif name not in excluded and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            options[name] = Option((name,), parameter.annotation, parameter.default)
    return options


def layer_options(model: type) -> tuple[str, ...]:
    """Return the options of a model that take a layer, from its attribute `layer_options`; by default `layer`."""
    names: tuple[str, ...] = getattr(model, "layer_options", ("layer",))
    for name in names:
        if name not in inspect.signature(model).parameters:
            raise UserError(
                f"{model.__name__} has no option {name} that takes a layer; its class attribute layer_options must "
                f"name those that do"
            )
    return names


def data_options(model: type) -> tuple[str, ...]:
    """Return the options of a model that the data provides."""
    return tuple(name for name in options_from_data() if name in inspect.signature(model).parameters)


def model_options(model: type) -> dict[str, Option]:
    """Return the options of a model except for its layers and for what the data provides."""
    return options_of(model, {*layer_options(model), *data_options(model)})


def layer_class(name: str) -> type[nn.Module]:
    """Return the class of a layer from its name in `seq2seq.recurrence` or from its import path."""
    if "." not in name:
        if name not in (known := registered_layers(causal=False)):
            raise UserError(f"there is no layer {name or repr(name)}{suggestion(name, known)}")
        return known[name]
    try:
        cls: type[nn.Module] = pkgutil.resolve_name(name)
    except (AttributeError, ImportError, ValueError) as error:
        raise UserError(f"there is no layer {name}: {error}") from error
    if not is_layer(cls):
        raise UserError(f"{name} is no layer: it must be a module class that takes an input size and a size alone")
    return cls


def layer_arguments(name: str) -> dict[str, Option]:
    """Return the options of a layer."""
    return options_of(layer_class(name), SIZE_ARGUMENTS)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the end of an error message: the closest known name, or all of them."""
    near = closest_name(name, known, 0.5)
    return f"; did you mean {near}?" if near else f"; there are {', '.join(dict.fromkeys(known))}"
