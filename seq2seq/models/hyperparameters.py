"""A model's options as plain data, so that a checkpoint holds them and loads without running anyone's code."""

from collections.abc import Mapping
from functools import partial
from typing import Any


def plain(options: Any) -> Any:
    """Options with every class in them as its import path and arguments, the way configurations write it."""
    match options:
        case Mapping():
            return {str(key): plain(value) for key, value in options.items() if key != "_instantiator"}
        case list() | tuple():
            return [plain(value) for value in options]
        case partial():
            return {"class_path": path(options.func), "init_args": plain(options.keywords)}
        case type():
            return {"class_path": path(options)}
        case None | bool() | int() | float() | str():
            return options
        case _ if hasattr(options, "class_path"):  # a jsonargparse namespace
            return plain(vars(options))
    raise ValueError(
        f"a model's options must be numbers, strings, classes or functools.partial of classes, "
        f"so that a checkpoint can hold them, not {options!r}"
    )


def path(kind: Any) -> str:
    if not isinstance(kind, type):
        raise ValueError(f"a layer must be a class, so that a checkpoint can name it, not {kind!r}")
    return f"{kind.__module__}.{kind.__qualname__}"
