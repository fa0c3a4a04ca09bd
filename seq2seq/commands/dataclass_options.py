"""Options of a command that are the fields of a frozen dataclass, such as those of a search."""

import inspect
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import docstring_parser

from seq2seq.commands.arguments import underscore_option
from seq2seq.errors import UserError
from seq2seq.jsonargparse_internals.parsers import find_action
from seq2seq.ranges import shorten


@dataclass(frozen=True)
class Omit:
    """Annotation of a parameter: fields of its dataclass that are no options of this command.

    Args:
        names: The fields, which keep their defaults.
    """

    names: tuple[str, ...]


@dataclass(frozen=True)
class OptionGroup:
    """A parameter of a command whose value is a dataclass.

    Args:
        name: The parameter.
        base: Its type. If it is abstract, an option with the parameter's name chooses the class.
        kind: The class of the value.
        default: The parameter's default, whose fields are the defaults of the options if it has this class.
        omitted: Fields that are not options.
    """

    name: str
    base: type
    kind: type
    default: Any
    omitted: tuple[str, ...]

    @cached_property
    def options(self) -> dict[str, Any]:
        """The default of each option; MISSING for a required one."""
        found: dict[str, Any] = {}
        for field in sorted(fields(self.kind), key=lambda field: bool(field.kw_only)):  # inherited constraints last
            if not field.init or field.name in self.omitted:
                continue
            if type(self.default) is self.kind:
                found[field.name] = getattr(self.default, field.name)
            else:
                found[field.name] = field.default if field.default_factory is MISSING else field.default_factory()
        return found

    def add_to(self, parser: Any, text: str | None) -> None:
        """Add the options to a parser.

        Args:
            parser: The parser.
            text: Help of the option that chooses the class.
        """
        if inspect.isabstract(self.base):
            parser.add_argument(f"--{self.name}", type=str, default=short_name(type(self.default)), help=text)
        hints, helps = get_type_hints(self.kind, include_extras=True), field_helps(self.kind)
        for option, default in self.options.items():
            if find_action(parser, f"--{option}") is not None:
                raise UserError(f"{self.kind.__name__} cannot be used here: {option} is another option of this command")
            arguments: dict[str, Any] = {"action": "store_true"} if default is False else {"type": hints[option]}
            if default is MISSING:
                arguments["required"] = True
            elif default is not False:
                arguments["default"] = default
            parser.add_argument(f"--{option}", help=helps.get(option), **arguments)

    def take_from(self, values: dict[str, Any]) -> Any:
        """Remove the options from the values of all options, and return the dataclass."""
        if inspect.isabstract(self.base):
            del values[self.name]
        kept = {name: getattr(self.default, name) for name in self.omitted}
        return self.kind(**kept, **{option: values.pop(option) for option in self.options})


def option_groups(parameters: Sequence[inspect.Parameter], arguments: Sequence[str]) -> list[OptionGroup]:
    """Return the parameters whose type is a dataclass, with the classes that the arguments choose."""
    groups = []
    for parameter in parameters:
        base, *metadata = get_args(parameter.annotation) if is_annotated(parameter) else [parameter.annotation]
        if isinstance(base, type) and is_dataclass(base):
            kind = chosen_class(parameter, base, arguments) if inspect.isabstract(base) else base
            omitted = tuple(name for omit in metadata if isinstance(omit, Omit) for name in omit.names)
            groups.append(OptionGroup(parameter.name, base, kind, parameter.default, omitted))
    return groups


def is_annotated(parameter: inspect.Parameter) -> bool:
    return get_origin(parameter.annotation) is Annotated


def chosen_class(parameter: inspect.Parameter, base: type, arguments: Sequence[str]) -> type:
    """Return the class that an option of the arguments names, before they are parsed; by default the default's."""
    for argument, following in pairwise([*arguments, ""]):
        option, equals, value = argument.partition("=")
        if option == "--":
            break
        if underscore_option(option) == f"--{parameter.name}" and (name := value if equals else following):
            return find_class(name, base, parameter.name)
    return type(parameter.default)


def find_class(name: str, base: type[Any], option: str) -> type:
    """Return the subclass of a short name, such as beam, or of an import path, which is imported."""
    known = {short_name(kind): kind for kind in base.__subclasses__() if kind.__module__.startswith("seq2seq.")}
    if name.lower() in known:
        return known[name.lower()]
    names = ", ".join(known)
    if not all(part.isidentifier() for part in name.split(".")) or "." not in name:
        raise UserError(
            f"{option} must be one of {names}, or the import path of a class of your own, and {shorten(name)} was given"
        )
    try:
        kind: Any = pkgutil.resolve_name(name)
    except (AttributeError, ImportError) as error:
        raise UserError(f"{option} {shorten(name)} cannot be imported: {error}") from error
    if not (isinstance(kind, type) and issubclass(kind, base)) or inspect.isabstract(kind):
        raise UserError(f"{option} must be a {base.__name__}, and {shorten(name)} was given")
    return kind


def short_name(kind: type) -> str:
    return kind.__name__.lower()


def field_helps(kind: type) -> dict[str, str | None]:
    """Return the help of each field, from the `Args:` of the class and of those that it inherits from."""
    helps: dict[str, str | None] = {}
    for parent in reversed(kind.__mro__):
        docstring = docstring_parser.parse(inspect.cleandoc(parent.__doc__ or ""))
        helps |= {argument.arg_name: argument.description for argument in docstring.params}
    return helps


def changed_options(parameters: Mapping[str, inspect.Parameter], values: Mapping[str, Any]) -> set[str]:
    """Return the options of a command that differ from their defaults, given the values of its parameters."""
    changed: set[str] = set()
    for name, parameter in parameters.items():
        value, default = values[name], parameter.default
        if is_dataclass(default) and type(value) is type(default):
            changed |= {f.name for f in fields(default) if getattr(value, f.name) != getattr(default, f.name)}
        elif value != default and not (default == () and not value):  # the parser makes lists of tuples
            changed.add(name)
    return changed


def reject_options(options: Iterable[str], noun: str) -> None:
    """Raise a UserError for an option that does not apply to what a command was given, such as a model."""
    for name in sorted(options):
        raise UserError(f"--{name.replace('_', '-')} does not apply to {noun}")
