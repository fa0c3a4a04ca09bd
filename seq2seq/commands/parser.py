"""Commands from functions: their signatures are the options, and their docstrings the help."""

import inspect
import pkgutil
import re
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NoReturn

import docstring_parser
from jsonargparse import (  # type: ignore[attr-defined]
    ActionConfigFile,
    ArgumentParser,
    DefaultHelpFormatter,
    Namespace,
)

from seq2seq.commands.arguments import Arity, prepared, without_dotted
from seq2seq.commands.configuration import bound_values
from seq2seq.commands.library_ranges import OPTIONS, option_types
from seq2seq.commands.messages import Sentences
from seq2seq.construction import constructors_errors
from seq2seq.errors import UserError
from seq2seq.ranges import out_of_range, ranges_in

WHOLE = re.compile(r"-?\d{1,400}")
_SENTENCES = Sentences()


class Formatter(RawDescriptionHelpFormatter, DefaultHelpFormatter):
    """Examples stay as they are written, and options show their types, ranges and defaults."""

    def _get_type_str(self, action: Any) -> str | None:
        text = super()._get_type_str(action)
        for kind, allowed in ranges_in(getattr(action, "_typehint", None)):
            text = (text or "").replace(f"Annotated[{kind.__name__}, {allowed!r}]", f"{kind.__name__} {allowed.short}")
        return text


class OneLineErrors(ArgumentParser):
    """A parser whose errors are a UserError of one line."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        bound_values()
        super().__init__(*args, **{"formatter_class": Formatter, "allow_abbrev": False, **kwargs})

    def format_help(self, *formatter: Any) -> str:
        return re.sub(r"--\w+", lambda option: option.group().replace("_", "-"), super().format_help(*formatter))

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        raise UserError(_SENTENCES.of(message, names(self)))


def names(parser: Any) -> list[str]:
    """Return every option of a parser, without its dashes."""
    return [option.lstrip("-") for action in parser._actions for option in action.option_strings]


def arity(parser: Any, option: str) -> Arity:
    """Return how many values an option of a parser takes; those of a class that it names take one."""
    action = parser._option_string_actions.get(option)
    if action is None:
        return "one"
    if action.nargs == 0:
        return "none"
    return "one" if action.nargs is None and not isinstance(action, ActionConfigFile) else "many"


def check_ranges(parser: Any, given: Namespace) -> None:
    """Raise a UserError for the first number outside its range, also among the options of classes."""
    for action in parser._actions:
        group, _, name = action.dest.rpartition(".")
        ours = OPTIONS if group in ("trainer", "checkpoint") or name == "seed_everything" else {}
        kind = ours.get(name, getattr(action, "_typehint", None))
        value = given.get(action.dest)
        if ours and isinstance(value, str) and WHOLE.fullmatch(value):
            value = int(value)  # as Lightning reads it
        for sentence in (
            *out_of_range({action.dest: kind}, {action.dest: value}),
            *wrong_in_classes(value, action.dest),
        ):
            raise UserError(sentence)


def wrong_in_classes(value: Any, name: str) -> Iterator[str]:
    """Yield a sentence for each number outside its range among the options of a class, or of several in a list."""
    if isinstance(value, list):
        for item in value:
            yield from wrong_in_classes(item, name)
    elif isinstance(value, Namespace) and "class_path" in value:
        options = vars(value.init_args) if "init_args" in value else {}
        yield from out_of_range(option_types(pkgutil.resolve_name(value.class_path)), options, f"{name}.")
        for key, part in options.items():
            yield from wrong_in_classes(part, f"{name}.{key}")


def call(command: Callable[..., None], arguments: list[str]) -> None:
    """Call a command with what its signature names; a list comes first, without a name, unless it is keyword-only.

    A parameter `overrides` gets the options with a dot in their names, as they are given.
    """
    _SENTENCES.said.clear()  # those of an earlier command are repeated by no message of this one
    described = docstring_parser.parse(inspect.cleandoc(command.__doc__ or ""))
    text = "\n\n".join(part for part in (described.short_description, described.long_description) if part)
    prog = f"seq2seq {command.__name__}"
    parser = OneLineErrors(prog=prog, description=text)
    helps = {argument.arg_name: argument.description for argument in described.params}
    parameters = list(inspect.signature(command).parameters.values())
    overrides: dict[str, Any] = {}
    if any(p.name == "overrides" for p in parameters):
        arguments, overrides["overrides"] = without_dotted(arguments)
        parameters = [p for p in parameters if p.name != "overrides"]
    listed = [p for p in parameters if p.annotation == list[str] and p.default in (p.empty, ())]
    single = [p for p in parameters if p.annotation is str and p.default is p.empty and p.name == "checkpoint"]
    for p in listed:
        options: dict[str, Any] = {"nargs": "*", "default": []} if p.default == () else {"nargs": "+"}
        if p.kind is p.KEYWORD_ONLY:
            options |= {"required": p.default is p.empty, "action": "extend"}
        name = f"--{p.name}" if p.kind is p.KEYWORD_ONLY else p.name
        parser.add_argument(name, type=str, help=helps.get(p.name), **options)
    for p in single:
        parser.add_argument(p.name, type=str, help=helps.get(p.name))
    flags = [p for p in parameters if p.default is False]
    for p in flags:
        parser.add_argument(f"--{p.name}", action="store_true", help=helps.get(p.name))
    named: set[str | int] = {*overrides, *(p.name for p in listed + single + flags)}
    parser.add_function_arguments(command, as_group=False, as_positional=False, skip=named)
    given = parser.parse_args(prepared(arguments, partial(arity, parser)))
    check_ranges(parser, given)
    with constructors_errors():
        values = parser.instantiate_classes(given).as_dict()
    command(**values, **overrides)
