"""A model's options as plain data, so that a checkpoint holds them and loads without running code from it."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from functools import partial
from typing import Any

from torch import nn

from seq2seq import class_paths, recurrence
from seq2seq.class_paths import PACKAGE_PREFIX, resolve_trusted_class
from seq2seq.errors import UserError
from seq2seq.nn import attention, output
from seq2seq.nn.attention import Attention
from seq2seq.nn.output import OutputLayer
from seq2seq.recurrence import BlockConfig, Recurrence, SelfAttention

# classes that a checkpoint may name without their module
BUILTIN_CLASSES: dict[str, type[nn.Module]] = {
    name: kind
    for module in (attention, output, recurrence)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, nn.Module)
}
# base classes of the value of an option; a layer's own options may take any of them
OPTION_BASES: dict[str, tuple[type[nn.Module], ...]] = {
    "layer": (Recurrence,),
    "encoder": (Recurrence, SelfAttention),
    "decoder": (Recurrence,),
    "attention": (Attention,),
    "output": (OutputLayer,),
}
# options whose value is a dataclass, stored as a dict of its fields
OPTION_DATACLASSES = {"block": BlockConfig}
NUM_SIZES = {OutputLayer: 3}  # arguments of a constructor that are sizes and come from the model; others have two


def serialize_options(options: Any) -> Any:
    """Return options with every class or partial replaced by its class_path and init_args, as in configurations."""
    match options:
        case Mapping():
            named = {str(key): serialize_options(value) for key, value in options.items() if not key.startswith("_")}
            if isinstance(name := named.get("class_path"), str) and name.startswith(PACKAGE_PREFIX):
                named["class_path"] = name.rpartition(".")[2]
            return named
        case list() | tuple():
            return [serialize_options(value) for value in options]
        case partial():
            if options.args and not is_parser_factory(options):
                raise UserError(
                    f"a functools.partial must name its options, so that a checkpoint can hold them: {options!r}"
                )
            return {"class_path": class_path(factory_class(options)), "init_args": serialize_options(options.keywords)}
        case type():
            return {"class_path": class_path(options)}
        case None | bool():
            return options
        case int():  # a built-in number, not one of a subclass such as numpy's
            return int(options)
        case float():
            return float(options)
        case str():
            return str(options)
        case _ if is_dataclass(options) and not isinstance(options, type):
            return serialize_options(asdict(options))
        case _ if hasattr(options, "class_path"):  # a jsonargparse namespace
            return serialize_options(vars(options))
    raise UserError(
        f"a model's options must be numbers, strings, classes or functools.partial of classes, "
        f"so that a checkpoint can hold them, not {options!r}"
    )


def deserialize_options(options: Any, trust: Sequence[str] = (), option: str = "") -> Any:
    """Return the inverse of `serialize_options`: every class_path with init_args becomes the class or a partial of it.

    Args:
        options: The result of `serialize_options`.
        trust: Modules from which classes may be imported.
        option: The name of the option whose value these are.
    """
    match options:
        case {"class_path": str(name), **rest}:
            kind = resolve_class(name, trust, option)
            arguments = deserialize_options(rest.get("init_args") or {}, trust)
            check_arguments(kind, name, arguments)
            return partial(kind, **arguments) if arguments else kind
        case Mapping():
            values = {key: deserialize_options(value, trust, key) for key, value in options.items()}
            return OPTION_DATACLASSES[option](**values) if option in OPTION_DATACLASSES else values
        case list():
            return [deserialize_options(value, trust, option) for value in options]
    return options


def resolve_class(name: str, trust: Sequence[str], option: str) -> type[nn.Module]:
    """Return the built-in class of this name, or the trusted one at this import path; it must fit its option."""
    kind = BUILTIN_CLASSES.get(name) or resolve_trusted_class(name, trust)
    bases = OPTION_BASES.get(option, (Recurrence, SelfAttention, Attention, OutputLayer))
    if not issubclass(kind, bases):
        expected = " or ".join(base.__name__ for base in bases)
        raise UserError(f"it names {name}, which is no {expected}" + (f", as {option} must be" if option else ""))
    return kind


def check_arguments(kind: type[nn.Module], name: str, arguments: Any) -> None:
    """Raise a UserError for arguments that a class does not accept besides its sizes."""
    if not isinstance(arguments, dict):
        raise UserError(f"the arguments of {name} must have names")
    num_sizes = next((count for base, count in NUM_SIZES.items() if issubclass(kind, base)), 2)
    try:
        inspect.signature(kind).bind(*[0] * num_sizes, **arguments)
    except TypeError as error:
        raise UserError(f"{name} does not take the arguments that are stored for it: {error}") from error


def differing_options(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the names of the options in which two models differ, given as `describe` does; or "class"."""
    if one["class_path"] != other["class_path"]:
        return ["class"]
    options, others = one["init_args"], other["init_args"]
    return [name for name in {**options, **others} if options.get(name) != others.get(name)]


def factory_class(factory: Any) -> Any:
    """Return the class that a factory instantiates, or the factory itself if it is a function."""
    if not isinstance(factory, partial):
        return factory
    return factory.args[-1] if is_parser_factory(factory) else factory.func


def is_parser_factory(factory: partial[Any]) -> bool:
    """Return whether jsonargparse made this partial, of a function of its own whose last argument is the class."""
    return bool(factory.args) and str(factory.func.__module__).startswith("jsonargparse.")


def class_path(kind: Any) -> str:
    """Return the name of a class of this package, or the import path of any other."""
    if not isinstance(kind, type):
        raise UserError(f"a layer must be a class, so that a checkpoint can name it, not {kind!r}")
    return class_paths.class_path(kind)
