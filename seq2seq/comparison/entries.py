"""Parse the entries of --layers: `LSTM`, `LSTM:depth=2,lr=0.01`, or `ENCODER/DECODER` for a model with two layers."""

import functools
import pkgutil
from argparse import ArgumentError
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from jsonargparse import ArgumentParser, Namespace

from seq2seq.errors import UserError, closest_name
from seq2seq.jsonargparse_internals.messages import describe_error
from seq2seq.jsonargparse_internals.parsers import class_options, optional_parser
from seq2seq.ranges import Positive, out_of_range, shorten
from seq2seq.recurrence.registry import registered_layers
from seq2seq.tasks.loading import data_options


class Entry(NamedTuple):
    """A layer, or an encoder's and a decoder's, with options."""

    text: str  # as written by the user
    layers: dict[str, str]  # option of the model -> import path of the layer's class
    options: dict[str, Any]  # path of an option, such as block.norm or layer.init_args.forget_bias -> value


def parse_entries(texts: Sequence[str], model: type) -> list[Entry]:
    """Parse all entries. Raises a UserError for unknown layers or options, and for an entry that is given twice."""
    entries = [parse_entry(text, model) for text in texts]
    for index, entry in enumerate(entries):
        if any(entry[1:] == other[1:] for other in entries[:index]):
            raise UserError(f"{entry.text} is named twice in --layers")
    return entries


def parse_entry(text: str, model: type) -> Entry:
    names, colon, pairs = text.partition(":")
    count, roles = names.count("/") + 1, layer_options(model)
    if count > (number := len(roles)):
        note = ", ".join(roles) or "its class attribute layer_options must name the options that take one"
        plural = "" if number == 1 else "s"
        raise UserError(f"a {model.__name__} takes {number} layer{plural} ({note}), and {text} names {count}")
    layers = {role: find_layer(name) for role, name in zip(roles[-count:], names.split("/"), strict=True)}
    known, arguments = default_options(model, layers), [f"--{role}={path}" for role, path in layers.items()]
    options: dict[str, Any] = {}
    for pair in pairs.split(",") if colon else ():
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UserError(f"an option of a layer is written key=value, and {pair!r} was given in {text}")
        if not (paths := find_option(key, layers, known)):
            keys = [name for path in known if find_option(name := path.rpartition(".")[2], layers, known)]
            raise UserError(f"{names} has no option {key}{suggestion(key, dict.fromkeys(keys))}")
        for path in paths:
            if path in options:
                raise UserError(f"{key} is given twice in {text}")
            try:
                parsed = model_parser(model).parse_args([*arguments, f"--{path}={value}"])[path]
            except (ArgumentError, ValueError) as error:
                raise UserError(f"{key} cannot be {shorten(value)}, as in {shorten(text)}") from error
            options[path] = {"class_path": value} if isinstance(parsed, Namespace) else parsed
    for message in out_of_range({"lr": Positive}, options):
        raise UserError(f"{message} in {shorten(text)}")
    return Entry(text, layers, options)


def layer_options(model: type) -> list[str]:
    """Return the options of a model that take a layer: those in its attribute `layer_options`, by default `layer`."""
    return [name for name in getattr(model, "layer_options", ("layer",)) if name in class_options(model)]


def find_layer(name: str) -> str:
    """Return the import path of a layer, which is named as in `seq2seq.recurrence` or by its import path."""
    if "." not in name and name not in (known := registered_layers(causal=False)):
        raise UserError(f"there is no layer {name or repr(name)}{suggestion(name, known)}")
    path = name if "." in name else f"seq2seq.recurrence.{name}"
    try:
        kind = pkgutil.resolve_name(path)
    except (AttributeError, ImportError, ValueError) as error:
        raise UserError(f"there is no layer {name}: {error}") from error
    if not isinstance(kind, type):
        raise UserError(f"{name} is no layer: it must be a class that takes an input size and a size")
    return path


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the end of an error message: the closest known name, or all of them."""
    near = closest_name(name, known, 0.5)
    return f"; did you mean {near}?" if near else f"; there are {', '.join(known)}"


@functools.cache
def model_parser(model: Any) -> ArgumentParser:
    """Return a parser of the learning rate and of the options that the data does not provide; it requires none."""
    parser = optional_parser(model, data_options(model))
    parser.add_argument("--lr", type=Positive)
    return parser


def default_options(model: type, layers: Mapping[str, str]) -> dict[str, Any]:
    """Return the defaults of a model with these layers, by the paths of the options; the layers are none of these."""
    try:
        flat = flatten(model_parser(model).parse_args([f"--{role}={path}" for role, path in layers.items()]).as_dict())
        return {path: value for path, value in flat.items() if path not in layer_options(model)}
    except ArgumentError as error:
        raise UserError(describe_error(error)) from error


def flatten(options: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the options by their paths; the path of one that takes a class has the class."""
    flat: dict[str, Any] = {}
    for key, value in options.items():
        path = f"{prefix}{key}"
        flat |= flatten(value, f"{path}.") if isinstance(value, dict) else {path.removesuffix(".class_path"): value}
    return flat


def find_option(key: str, layers: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the paths of an option: of these layers, otherwise of the model or of a dataclass that it takes."""
    own = [path for role in layers if (path := f"{role}.init_args.{key}") in known]
    nested = [path for path in known if path.endswith(f".{key}") and ".init_args." not in path]
    return own or ([key] if key in known else nested)
