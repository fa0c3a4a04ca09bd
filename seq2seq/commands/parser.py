"""Command-line parsers made from functions: signatures become options, and docstrings become help texts."""

import inspect
import pkgutil
import re
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NoReturn

import docstring_parser
from jsonargparse import (  # type: ignore[attr-defined]
    ActionConfigFile,
    ArgumentParser,
    Namespace,
)

from seq2seq.commands.arguments import Arity, prepare_arguments, split_dotted_options
from seq2seq.commands.configuration import CONTAIN_OPTIONS, limit_yaml, value_error
from seq2seq.commands.dataclass_options import option_groups
from seq2seq.commands.library_ranges import OPTIONS, option_ranges
from seq2seq.errors import UserError
from seq2seq.jsonargparse_internals.messages import ErrorMessages, constructor_errors
from seq2seq.jsonargparse_internals.parsers import TypeHelpFormatter, actions, find_action, type_hint
from seq2seq.ranges import out_of_range, ranges_in

INTEGER = re.compile(r"-?\d{1,400}")
_MESSAGES = ErrorMessages()


class HelpFormatter(RawDescriptionHelpFormatter, TypeHelpFormatter):
    """A help formatter that keeps the line breaks of examples, and shows types, ranges and defaults of options."""

    def type_text(self, action: Any) -> str | None:
        text = super().type_text(action)
        for kind, allowed in ranges_in(type_hint(action)):
            text = (text or "").replace(f"Annotated[{kind.__name__}, {allowed!r}]", f"{kind.__name__} {allowed.short}")
        return text


class OneLineErrorParser(ArgumentParser):
    """A parser that raises errors as a UserError of one line."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        limit_yaml()
        super().__init__(*args, **{"formatter_class": HelpFormatter, "allow_abbrev": False, **kwargs})

    def format_help(self, *formatter: Any) -> str:
        return re.sub(r"--\w+", lambda option: option.group().replace("_", "-"), super().format_help(*formatter))

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        raise UserError(_MESSAGES.simplify(message, option_names(self)))


def option_names(parser: Any) -> list[str]:
    """Return the options of a parser, without dashes."""
    return [option.lstrip("-") for action in actions(parser) for option in action.option_strings]


def option_arity(parser: Any, option: str) -> Arity:
    """Return how many values an option of a parser takes; options of a nested class take one."""
    action = find_action(parser, option)
    if action is None:
        return "one"
    if action.nargs == 0:
        return "none"
    return "one" if action.nargs is None and not isinstance(action, ActionConfigFile) else "many"


def check_groups(parser: Any, options: Mapping[str, Any], path: str) -> None:
    """Raise a UserError for a value of a configuration where the parser has options, or a class with options."""
    by_name = {action.dest: action for action in actions(parser)}
    groups = {dest.partition(".")[0] for dest in by_name if "." in dest}
    for name, value in options.items():
        is_class = type_hint(by_name.get(name)) is not None
        is_name = name in by_name and isinstance(value, str) and value  # of a file or a class; the parser checks it
        if name in groups and not (isinstance(value, dict) or is_name or (is_class and value is None)):
            raise value_error(name, path, "name a class" if is_class else CONTAIN_OPTIONS, value)


def check_ranges(parser: Any, parsed: Namespace) -> None:
    """Raise a UserError for the first number outside its range, including options of nested classes."""
    for action in actions(parser):
        group, _, name = action.dest.rpartition(".")
        library_types = OPTIONS if group in ("trainer", "checkpoint") or name == "seed_everything" else {}
        annotation = library_types.get(name, type_hint(action))
        value = parsed.get(action.dest)
        if library_types and isinstance(value, str) and INTEGER.fullmatch(value):
            value = int(value)  # as Lightning reads it
        for message in (
            *out_of_range({action.dest: annotation}, {action.dest: value}),
            *class_range_errors(value, action.dest),
        ):
            raise UserError(message)


def class_range_errors(value: Any, name: str) -> Iterator[str]:
    """Yield an error message for each number outside its range in the options of a class, or of a list of classes."""
    if isinstance(value, list):
        for item in value:
            yield from class_range_errors(item, name)
    elif isinstance(value, Namespace) and "class_path" in value:
        options = vars(value.init_args) if "init_args" in value else {}
        yield from out_of_range(option_ranges(pkgutil.resolve_name(value.class_path)), options, f"{name}.")
        for key, option in options.items():
            yield from class_range_errors(option, f"{name}.{key}")


def call(command: Callable[..., None], arguments: list[str]) -> None:
    """Parse arguments by the signature of a command and call it.

    Parameters without a default of type list[str], and a parameter `checkpoint`, are positional arguments unless they
    are keyword-only. A parameter whose type is a frozen dataclass, such as a search, gets one whose fields are options.
    A parameter `overrides` gets the arguments with a dot in their names, unparsed.
    """
    _MESSAGES.recent.clear()  # a message never repeats one of an earlier command
    docstring = docstring_parser.parse(inspect.cleandoc(command.__doc__ or ""))
    text = "\n\n".join(part for part in (docstring.short_description, docstring.long_description) if part)
    prog = f"seq2seq {command.__name__}"
    parser = OneLineErrorParser(prog=prog, description=text)
    helps = {argument.arg_name: argument.description for argument in docstring.params}
    parameters = list(inspect.signature(command).parameters.values())
    overrides: dict[str, Any] = {}
    if any(p.name == "overrides" for p in parameters):
        arguments, overrides["overrides"] = split_dotted_options(arguments)
        parameters = [p for p in parameters if p.name != "overrides"]
    groups = option_groups(parameters, arguments)
    lists = [p for p in parameters if p.annotation == list[str] and p.default in (p.empty, ())]
    single = [p for p in parameters if p.annotation is str and p.default is p.empty and p.name == "checkpoint"]
    for p in lists:
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
    added: set[str | int] = {*overrides, *(p.name for p in lists + single + flags), *(group.name for group in groups)}
    parser.add_function_arguments(command, as_group=False, as_positional=False, skip=added)
    for group in groups:
        group.add_to(parser, helps.get(group.name))
    parsed = parser.parse_args(prepare_arguments(arguments, partial(option_arity, parser)))
    check_ranges(parser, parsed)
    with constructor_errors():
        values = parser.instantiate_classes(parsed).as_dict()
    values |= {group.name: group.take_from(values) for group in groups}
    command(**values, **overrides)
