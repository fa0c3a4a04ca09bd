"""A model's options as plain data, so that a checkpoint holds them and loads without running anyone's code."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytorch_lightning as pl


def describe(model: pl.LightningModule) -> dict[str, Any]:
    """A model's class and options, from which `seq2seq.inference` builds it again."""
    return {"class_path": path(type(model)), "init_args": plain(model.hparams)}


def plain(options: Any) -> Any:
    """Options with every class in them as its import path and arguments, the way configurations write it."""
    match options:
        case Mapping():
            return {str(key): plain(value) for key, value in options.items() if not key.startswith("_")}
        case list() | tuple():
            return [plain(value) for value in options]
        case partial():
            if options.args and not made_by_parser(options):
                raise ValueError(
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
    raise ValueError(
        f"a model's options must be numbers, strings, classes or functools.partial of classes, "
        f"so that a checkpoint can hold them, not {options!r}"
    )


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
        raise ValueError(f"a layer must be a class, so that a checkpoint can name it, not {kind!r}")
    return f"{kind.__module__}.{kind.__qualname__}"
