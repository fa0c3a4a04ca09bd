"""A model's options as plain data, so that a checkpoint holds them and loads without running code from it.

The types of the constructor's parameters decide: the value of a dataclass is stored as a dict of its fields; that of
any other class, and the class or partial that a callable type makes, by class_path and init_args, as in configurations;
a function by its import path.
"""

import argparse
import inspect
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import partial
from types import BuiltinFunctionType, FunctionType
from typing import Any

from torch import nn

from seq2seq import class_paths, recurrence
from seq2seq.class_paths import PACKAGE_PREFIX, is_builtin, resolve_trusted, resolve_trusted_class
from seq2seq.errors import UserError
from seq2seq.jsonargparse_internals.objects import plain_factory
from seq2seq.models.option_types import (
    ClassOption,
    alternatives,
    class_options,
    find_dataclass,
    find_enum,
    item_types,
    mapping_types,
    object_options,
    option_types,
    restore_key,
)
from seq2seq.nn import attention, output

# classes that a checkpoint may name without their module
BUILTIN_CLASSES: dict[str, type[nn.Module]] = {
    name: kind
    for module in (attention, output, recurrence)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, nn.Module)
}


def serialize_options(options: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """Return the arguments of a class as plain data.

    Args:
        options: The arguments, or their description in a configuration.
        kind: The class, whose constructor's types tell which dataclasses need no class_path.
    """
    types = option_types(kind)
    return {
        str(name): serialize(value, types.get(name, Any)) for name, value in options.items() if not name.startswith("_")
    }


def deserialize_options(options: Mapping[str, Any], kind: type, trust: Sequence[str] = ()) -> dict[str, Any]:
    """Return the arguments of a class: the inverse of `serialize_options`.

    Args:
        options: The result of `serialize_options`.
        kind: The class, whose constructor's types tell what a class_path or a dict stands for.
        trust: Modules from which classes may be imported.
    """
    types = option_types(kind)
    return {name: deserialize(value, types.get(name, Any), trust, name) for name, value in options.items()}


def serialize(value: Any, annotation: Any = Any) -> Any:
    """Return the value of an option of this type as plain data."""
    match value:
        case argparse.Namespace():  # of a configuration, as a dict is
            return serialize(vars(value))
        case Mapping():
            return serialize_mapping(value, *mapping_types(annotation))
        case list() | tuple():
            _, types = item_types(annotation, len(value))
            return [serialize(item, kind) for item, kind in zip(value, types, strict=True)]
        case partial():
            factory = plain_factory(value)
            if factory.args:
                raise UserError(
                    f"a functools.partial must name its options, so that a checkpoint can hold them: {value!r}"
                )
            path = class_path(factory.func)
            return {"class_path": path, "init_args": serialize_options(factory.keywords, factory.func)}
        case type():
            return {"class_path": class_path(value)}
        case Enum():
            if type(value) not in alternatives(annotation) or find_enum(annotation, value.name) is value:
                return value.name
            return {"class_path": class_path(type(value)), "init_args": {"name": value.name}}
        case FunctionType() | BuiltinFunctionType():
            return function_path(value, annotation)
        case None | bool():
            return value
        case int():  # a built-in number, not one of a subclass such as numpy's
            return int(value)
        case float():
            return float(value)
        case str():
            return str(value)
        case _ if is_dataclass(value):
            kind: Any = type(value)
            options = serialize_options(
                {field.name: getattr(value, field.name) for field in fields(kind) if field.init}, kind
            )
            if find_dataclass(annotation, options) is kind:
                return options
            return {"class_path": class_path(kind), "init_args": options}
    raise UserError(
        "a model's options must be numbers, strings, enumerations, dataclasses, classes, functools.partial of classes "
        "or functions of a module, so that a checkpoint can hold them; other objects must come from a configuration, "
        f"as class_path and init_args, not {value!r}"
    )


def function_path(function: Any, annotation: Any) -> str:
    """Return the import path of a function, from which an option of this type gets it back.

    Raises:
        UserError: for a lambda or another function that no module has by its name, and for a type that takes no import
            path.
    """
    path = f"{function.__module__}.{function.__qualname__}"
    found = None
    with suppress(AttributeError, ImportError, ValueError):
        found = pkgutil.resolve_name(path)
    if found is not function:
        raise UserError(f"a function must be defined in a module, so that a checkpoint can name it, not {function!r}")
    if not object_options(annotation):
        raise UserError(
            f"the option with the function {path} must have a type such as Callable, so that a checkpoint can hold it"
        )
    return path


def serialize_mapping(options: Mapping[Any, Any], keys: Any = Any, values: Any = Any) -> dict[str, Any]:
    """Return a dict, or the description of a class in a configuration, as plain data.

    Args:
        options: The dict.
        keys: The type of its keys, which are stored as strings.
        values: The type of its values.
    """
    named: dict[str, Any] = {}
    for key, value in options.items():
        name = key.name if isinstance(key, Enum) else str(key)
        if keys is not Any and not isinstance(key, str) and restore_key(name, keys) != key:
            raise UserError(
                f"the keys of a mapping must be strings, numbers or members of an enumeration, as its type says, so "
                f"that a checkpoint can hold them, not {key!r}"
            )
        if not name.startswith("_"):
            named[name] = serialize(value, values)
    if isinstance(path := named.get("class_path"), str):
        if path.startswith(PACKAGE_PREFIX):
            named["class_path"] = path.rpartition(".")[2]
        if others := named.pop("dict_kwargs", None):  # jsonargparse's name for arguments that a constructor passes on
            named["init_args"] = {**named.get("init_args", {}), **others}
    return named


def deserialize(value: Any, annotation: Any = Any, trust: Sequence[str] = (), option: str = "") -> Any:
    """Return the value of an option from plain data: the inverse of `serialize`.

    Args:
        value: The result of `serialize`.
        annotation: The type of the option.
        trust: Modules from which classes may be imported.
        option: The name of the option, for error messages.
    """
    match value:
        case {"class_path": str(name), **rest}:
            kind, found = resolve_class(name, class_options(annotation), trust, option)
            arguments = rest.get("init_args") or {}
            if not isinstance(arguments, dict):
                raise UserError(f"the arguments of {name} must have names")
            if issubclass(kind, Enum):
                return enum_member(kind, arguments)
            return construct(kind, found, deserialize_options(arguments, kind, trust))
        case Mapping():
            if (dataclass := find_dataclass(annotation, value)) is not None:
                return construct(
                    dataclass, ClassOption(dataclass, False, 0), deserialize_options(value, dataclass, trust)
                )
            keys, values = mapping_types(annotation)
            return {restore_key(key, keys): deserialize(part, values, trust, key) for key, part in value.items()}
        case list():
            sequence, types = item_types(annotation, len(value))
            return sequence(deserialize(item, kind, trust, option) for item, kind in zip(value, types, strict=True))
        case str() if (member := find_enum(annotation, value)) is not None:
            return member
        case str() if "." in value and (expected := object_options(annotation)):
            return resolve_object(value, expected, trust, option)
    return value


def resolve_class(
    name: str, expected: Sequence[ClassOption], trust: Sequence[str], option: str
) -> tuple[type, ClassOption]:
    """Return the class of this package or the trusted one that a checkpoint names, and the type that it fits."""
    kind = BUILTIN_CLASSES.get(name) or find_subclass(name, expected) or resolve_trusted_class(name, trust)
    for found in expected:
        if found.accepts(kind):
            return kind, found
    raise mismatch(name, expected, option)


def resolve_object(path: str, expected: Sequence[ClassOption], trust: Sequence[str], option: str) -> Any:
    """Return the object at an import path, as jsonargparse writes functions and constants."""
    value = resolve_trusted(path, trust)
    if not any(found.accepts_object(value) for found in expected):
        raise mismatch(path, expected, option)
    return value


def mismatch(name: str, expected: Sequence[ClassOption], option: str) -> UserError:
    """Return the error for a name that a checkpoint contains in an option of other types."""
    names = " or ".join(found.name for found in expected)
    return UserError(f"it names {name}, which is no {names}" + (f", as {option} must be" if option else ""))


def find_subclass(name: str, expected: Sequence[ClassOption]) -> type | None:
    """Return the class of this package with this name among the expected classes and their subclasses, if any."""
    kinds = (kind for found in expected if isinstance(found.base, type) for kind in subclasses(found.base))
    return next((kind for kind in kinds if kind.__name__ == name and is_builtin(kind)), None)


def subclasses(kind: type) -> Iterator[type]:
    """Yield a class and all its imported subclasses."""
    yield kind
    children: list[type] = type.__subclasses__(kind)
    for subclass in children:
        yield from subclasses(subclass)


def construct(kind: type, found: ClassOption, arguments: dict[str, Any]) -> Any:
    """Return the object of a class, or the class or a partial of it as a factory.

    Raises:
        UserError: for arguments that the class does not take.
    """
    signature = inspect.signature(kind)
    try:
        if found.positional is None:
            signature.bind_partial(**arguments)
        else:
            signature.bind(*[0] * found.positional, **arguments)
    except TypeError as error:
        raise UserError(f"{kind.__name__} does not take the arguments that are stored for it: {error}") from error
    if not found.is_factory:
        return kind(**arguments)
    return partial(kind, **arguments) if arguments else kind


def enum_member(kind: type[Enum], arguments: Mapping[str, Any]) -> Enum:
    """Return the member of an enumeration that is stored by its name."""
    if arguments.keys() != {"name"} or arguments["name"] not in kind.__members__:
        raise UserError(f"{kind.__name__} does not have the member that is stored for it")
    return kind[arguments["name"]]


def differing_options(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the names of the options in which two models differ, given as `describe` does; or "class"."""
    if one["class_path"] != other["class_path"]:
        return ["class"]
    options, others = one["init_args"], other["init_args"]
    return [name for name in {**options, **others} if options.get(name) != others.get(name)]


def factory_class(factory: Any) -> Any:
    """Return the class that a factory instantiates, or the factory itself if it is a function."""
    factory = plain_factory(factory)
    return factory.func if isinstance(factory, partial) else factory


def class_path(kind: Any) -> str:
    """Return the name of a class of this package, or the import path of any other."""
    if not isinstance(kind, type):
        raise UserError(f"a layer must be a class, so that a checkpoint can name it, not {kind!r}")
    return class_paths.class_path(kind)
