"""Mistakes at the shell as one plain sentence, with the nearest name that exists."""

import difflib
import inspect
import os
import re
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import docstring_parser
from jsonargparse import ArgumentParser, DefaultHelpFormatter

from seq2seq.errors import UserError


class Formatter(RawDescriptionHelpFormatter, DefaultHelpFormatter):
    """Examples stay as they are written, and options show their types and defaults."""


class OneLineErrors(ArgumentParser):
    """A parser whose errors are a ValueError of one line, which the door prints."""

    def format_help(self, *formatter: Any) -> str:
        return re.sub(r"--\w+", lambda option: option.group().replace("_", "-"), super().format_help(*formatter))

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        raise UserError(plain_sentence(message, names(self)))


def underscored(argument: str) -> str:
    """--top-k as the parameter top_k; what stands behind an equals sign stays as it is."""
    option, equals, value = argument.partition("=")
    return "--" + option[2:].replace("-", "_") + equals + value if option.startswith("--") else argument


def names(parser: Any) -> list[str]:
    """Every option of a parser, without its dashes."""
    return [option.lstrip("-") for action in parser._actions for option in action.option_strings]


def plain_sentence(message: str, known: list[str]) -> str:
    """The innermost reason of a nested message of jsonargparse, on one line."""
    text = " ".join(message.split())
    optional = r"Parser key \"([\w.]+)\": .*Errors: - Expected an? <class '(\w+)'> - Expected a <class 'NoneType'> "
    if wrong := re.search(rf"{optional}.*Given value: (\S+)", text):
        return f"{wrong.group(1)} must be of type {wrong.group(2)}, and {wrong.group(3)} was given"
    while inner := re.search(r"Errors: - (.+?) - Expected an? <class 'NoneType'>", text):  # of an optional class
        text = inner.group(1)
    if wrong := re.search(r"unknown option .+|there is no class .+|\w+ must be of type .+", text):
        return wrong.group()
    if wrong := re.search(r"Option '([\w.]+)' is not accepted", text):
        return unknown(wrong.group(1), known + arguments_of_classes())
    if wrong := re.search(r"[Uu]nrecognized arguments?: ([^-\s]\S*)", text):
        return f"there is no place for the argument {wrong.group(1)}"
    if wrong := re.search(r"Parser key \"([\w.]+)\": Expected a typing.Literal\[(.+?)\]\. Got value: (\S+)", text):
        return f"{wrong.group(1)} must be one of {wrong.group(2)}, and {wrong.group(3)} was given"
    if wrong := re.search(r"(?:[Uu]nrecognized arguments?:|Key|Unrecognized option) '?-{0,2}([\w.]+)", text):
        return unknown(wrong.group(1), known)
    if wrong := re.search(r"Expected a dot import path string: ([\w.]+)", text):
        if wrong.group(1) in class_names():
            place = re.search(r"Parser key \"([\w.]+)\"", text)
            return f"{wrong.group(1)} cannot stand {f'at {place.group(1)}' if place else 'there'}"
        near = difflib.get_close_matches(wrong.group(1), class_names(), n=1)
        return f"there is no class {wrong.group(1)}" + (f"; did you mean {near[0]}?" if near else "")
    wrongs = re.findall(r"Parser key \"([\w.]+)\": Expected an? <class '([\w.]+)'>\. Got value: (\S+)", text)
    if wrongs:
        name, kind, value = wrongs[-1]
        return f"{name} must be of type {kind}, and {value} was given"
    if wrong := re.search(r"File does not exist: '([^']+)'", text):
        return f"there is no file {os.path.relpath(wrong.group(1))}"
    return text[:400]


def unknown(name: str, known: Iterable[str]) -> str:
    """What to say of an option that does not exist: the nearest that does."""
    leaves = {option.rsplit(".", 1)[-1]: option for option in known}
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    near = near or [leaves[leaf] for leaf in difflib.get_close_matches(name.rsplit(".", 1)[-1], leaves, n=1)]
    return f"unknown option {name}" + (f"; did you mean {near[0]}?" if near else "")


def arguments_of_classes() -> list[str]:
    """The names of all options of the classes that a configuration can name."""
    return sorted({name for kind in classes() for name in inspect.signature(kind).parameters})


def class_names() -> list[str]:
    return sorted({kind.__name__ for kind in classes()})


def classes() -> list[type]:
    """All classes of ours that are imported and can stand in a configuration."""
    rooms = [module for name, module in sys.modules.items() if name.startswith("seq2seq.")]
    found = {thing for room in rooms for thing in vars(room).values() if inspect.isclass(thing)}
    ours = re.compile(r"seq2seq\.(?!kernels\.)")  # whose structures are C's
    return [
        kind
        for kind in found
        if ours.match(kind.__module__) and "<" not in kind.__qualname__ and not issubclass(kind, BaseException)
    ]


def call(command: Callable[..., None], arguments: list[str]) -> None:
    """Call a command with what its signature names; a list comes first, without a name, unless it is keyword-only.

    A parameter `overrides` gets the options with a dot in their names, as they are given.
    """
    described = docstring_parser.parse(inspect.cleandoc(command.__doc__ or ""))
    text = "\n\n".join(part for part in (described.short_description, described.long_description) if part)
    prog = f"seq2seq {command.__name__}"
    parser = OneLineErrors(prog=prog, description=text, formatter_class=Formatter, allow_abbrev=False)
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
            options["required"] = p.default is p.empty
        name = f"--{p.name}" if p.kind is p.KEYWORD_ONLY else p.name
        parser.add_argument(name, type=str, help=helps.get(p.name), **options)
    for p in single:
        parser.add_argument(p.name, type=str, help=helps.get(p.name))
    flags = [p for p in parameters if p.default is False]
    for p in flags:
        parser.add_argument(f"--{p.name}", action="store_true", help=helps.get(p.name))
    named: set[str | int] = {*overrides, *(p.name for p in listed + single + flags)}
    parser.add_function_arguments(command, as_group=False, as_positional=False, skip=named)
    given = parser.parse_args([underscored(argument) for argument in arguments])
    command(**parser.instantiate_classes(given).as_dict(), **overrides)


def without_dotted(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The options without a dot in their names, and those with one, each with the values behind it."""
    parts: tuple[list[str], list[str]] = [], []
    place = 0
    for argument in arguments:
        if argument.startswith("--"):
            place = int("." in argument.partition("=")[0])
        parts[place].append(argument)
    return parts
