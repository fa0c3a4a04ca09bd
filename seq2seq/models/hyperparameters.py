"""A model's options as plain data, so that a checkpoint holds them and loads without running anyone's code."""

import pkgutil
from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import nn

from seq2seq.errors import UserError


def plain(options: Any) -> Any:
    """Options with every class in them as its import path and arguments, the way configurations write it."""
    match options:
        case Mapping():
            return {str(key): plain(value) for key, value in options.items() if not key.startswith("_")}
        case list() | tuple():
            return [plain(value) for value in options]
        case partial():
            if options.args and not made_by_parser(options):
                raise UserError(
                    f"a functools.partial must name its options, so that a checkpoint can hold them: {options!r}"
                )
            return {"class_path": path(made_by(options)), "init_args": plain(options.keywords)}
        case type():
            return {"class_path": path(options)}
        case None | bool():
            return options
        case int():  # the number itself, without what a subclass adds, numpy's for example
            return int(options)
        case float():
            return float(options)
        case str():
            return str(options)
        case _ if hasattr(options, "class_path"):  # a jsonargparse namespace
            return plain(vars(options))
    raise UserError(
        f"a model's options must be numbers, strings, classes or functools.partial of classes, "
        f"so that a checkpoint can hold them, not {options!r}"
    )


def factories(options: Any) -> Any:
    """The inverse of `plain`: every path and its arguments as the class, or as a partial of it."""
    match options:
        case {"class_path": str(where), **rest}:
            kind, arguments = layer_class(where), factories(rest.get("init_args") or {})
            return partial(kind, **arguments) if arguments else kind
        case Mapping():
            return {key: factories(value) for key, value in options.items()}
        case list():
            return [factories(value) for value in options]
    return options


def layer_class(where: str) -> type[nn.Module]:
    """The class at an import path; nothing else may be called for a checkpoint."""
    kind = pkgutil.resolve_name(where)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise UserError(f"{where} is no layer")
    return kind


def made_by(factory: Any) -> Any:
    """The class of what a factory makes, or the factory itself if it is a function."""
    if not isinstance(factory, partial):
        return factory
    return factory.args[-1] if made_by_parser(factory) else factory.func


def made_by_parser(factory: partial[Any]) -> bool:
    """jsonargparse calls a function of its own, whose last argument is the class."""
    return bool(factory.args) and str(factory.func.__module__).startswith("jsonargparse.")


def path(kind: Any) -> str:
    if not isinstance(kind, type):
        raise UserError(f"a layer must be a class, so that a checkpoint can name it, not {kind!r}")
    return f"{kind.__module__}.{kind.__qualname__}"
