"""The types of a constructor's options, as far as they decide how a checkpoint holds the values."""

import inspect
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import is_dataclass
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, Protocol, Union, get_args, get_origin, get_type_hints

from seq2seq.nn.attention import AttentionFactory
from seq2seq.nn.output import OutputFactory
from seq2seq.recurrence import EncoderLayerFactory

# modules of types that are no classes of a user
_BASIC_TYPES = ("builtins", "collections.abc", "types", "typing")


class ClassOption(NamedTuple):
    """A type whose values a checkpoint describes by class_path and init_args."""

    base: Any  # base class of the value, or of what it makes
    is_factory: bool  # whether the value is a class or a partial of one, and not an object
    positional: int | None  # number of arguments that a factory is called with; None if it is unknown

    @property
    def name(self) -> str:
        return getattr(self.base, "__name__", str(self.base))

    def accepts(self, kind: type) -> bool:
        """Return whether a class fits; Any, and protocols, which have no subclasses, accept all."""
        try:
            return self.base is Any or issubclass(kind, self.base)
        except TypeError:
            return True

    def accepts_object(self, value: Any) -> bool:
        """Return whether an object fits; as a factory, anything that can be called."""
        return callable(value) if self.is_factory else self.accepts(type(value))


def alternatives(annotation: Any) -> Iterator[Any]:
    """Yield the types in a union, or the type itself."""
    if get_origin(annotation) is Annotated:
        yield from alternatives(annotation.__origin__)
    elif get_origin(annotation) in (Union, types.UnionType):
        for part in get_args(annotation):
            yield from alternatives(part)
    else:
        yield annotation


def class_options(annotation: Any) -> list[ClassOption]:
    """Return the types in an annotation whose values have a class_path; factories of layers if it has none."""
    return [option for part in alternatives(annotation) for option in _class_options(part)] or UNTYPED


def object_options(annotation: Any) -> list[ClassOption]:
    """Return the types in an annotation whose values may be given by an import path; none if it may be any text."""
    parts = list(alternatives(annotation))
    if any(part in (str, Any, object) or get_origin(part) is Literal for part in parts):
        return []
    return [option for part in parts for option in _class_options(part)]


def _class_options(annotation: Any) -> Iterator[ClassOption]:
    origin, parts = get_origin(annotation) or annotation, get_args(annotation)
    if origin is type:
        yield ClassOption(parts[0] if parts else Any, True, None)
    elif origin is Callable:
        parameters, result = parts or (..., Any)
        yield from _factories(result, len(parameters) if isinstance(parameters, list) else None)
    elif not _is_class(origin):
        return
    elif Protocol in origin.__bases__ and (call := vars(origin).get("__call__")):
        yield from _factories(_resolve(call).get("return", Any), len(inspect.signature(call).parameters) - 1)
    else:
        yield ClassOption(origin, False, 0)


def _factories(result: Any, positional: int | None) -> list[ClassOption]:
    """Return what a callable type stands for: a factory if the result is a class, otherwise an object to call."""
    bases = [get_origin(part) or part for part in alternatives(result)]
    factories = [ClassOption(base, True, positional) for base in bases if _is_class(base)]
    return factories or [*UNTYPED, ClassOption(Callable, False, 0)]


def _is_class(kind: Any) -> bool:
    return isinstance(kind, type) and kind.__module__ not in _BASIC_TYPES


def find_dataclass(annotation: Any, fields: Mapping[str, Any]) -> Any:
    """Return the dataclass in an annotation that has these fields, else the first one; None if there is none."""
    found: list[Any] = [kind for part in alternatives(annotation) if is_dataclass(kind := get_origin(part) or part)]
    return next((kind for kind in found if fields.keys() <= option_types(kind).keys()), next(iter(found), None))


def find_enum(annotation: Any, name: str) -> Enum | None:
    """Return the member of this name of an enumeration in an annotation.

    It is None if there is none, or if the text itself is a value of an earlier type in a union, as in configurations.
    """
    for part in alternatives(annotation):
        if part is str or (get_origin(part) is Literal and name in get_args(part)):
            return None
        if isinstance(part, type) and issubclass(part, Enum) and name in part.__members__:
            return part[name]
    return None


def item_types(annotation: Any, length: int) -> tuple[Callable[[Iterable[Any]], Any], list[Any]]:
    """Return the class of a list or tuple, and the types of this many items."""
    for part in alternatives(annotation):
        origin, parts = get_origin(part) or part, get_args(part)
        if origin is tuple and len(parts) == length and ... not in parts:
            return tuple, list(parts)
        if isinstance(origin, type) and issubclass(origin, Sequence) and origin is not str:
            return (tuple if origin is tuple else list), [*parts[:1], Any][:1] * length
    return list, [Any] * length


def mapping_types(annotation: Any) -> tuple[Any, Any]:
    """Return the types of a mapping's keys and of its values."""
    for part in alternatives(annotation):
        origin, parts = get_origin(part), get_args(part)
        if isinstance(origin, type) and issubclass(origin, Mapping) and len(parts) == 2:
            return parts[0], parts[1]
    return Any, Any


def restore_key(key: str, annotation: Any) -> Any:
    """Return the key of a mapping, which is stored as a string, by the type of its keys."""
    for part in alternatives(annotation):
        if part is str:
            return key
        if isinstance(part, type) and issubclass(part, Enum) and key in part.__members__:
            return part[key]
        if part in (int, float):
            with suppress(ValueError):
                return part(key)
    return key


@cache
def option_types(kind: type) -> dict[str, Any]:
    """Return the types of a constructor's parameters; Any for one without a type, or whose type does not resolve.

    A constructor's `**kwargs` are the parameters of its base classes.
    """
    found: dict[str, Any] = {}
    for cls in kind.__mro__:
        function = inspect.unwrap(vars(cls).get("__init__", object.__init__))
        if not inspect.isfunction(function):
            continue
        hints = _resolve(function)
        if is_dataclass(cls):  # whose inherited fields have types of other modules
            hints |= {name: hint for base in reversed(cls.__mro__) for name, hint in _resolve(base).items()}
        parameters = list(inspect.signature(function).parameters.values())[1:]
        for parameter in parameters:
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                found.setdefault(parameter.name, hints.get(parameter.name, Any))
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found


def _resolve(annotated: Any) -> dict[str, Any]:
    """Return those annotations of a function or of a class itself that resolve, each on its own."""
    namespace = vars(sys.modules.get(annotated.__module__, types))
    found: dict[str, Any] = {}
    for name, annotation in inspect.get_annotations(annotated).items():
        with suppress(NameError, AttributeError, TypeError, SyntaxError):
            one: Any = types.SimpleNamespace(__annotations__={name: annotation})
            found |= get_type_hints(one, namespace, include_extras=True)
    return found


# what a class_path may stand for in an option without a type
UNTYPED = class_options(EncoderLayerFactory | AttentionFactory | OutputFactory)
