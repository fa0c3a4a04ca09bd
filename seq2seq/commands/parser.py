"""Mistakes at the shell as one plain sentence, with the nearest name that exists."""

import difflib
import inspect
import re
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable
from typing import Any, NoReturn

import docstring_parser
from jsonargparse import ArgumentParser, DefaultHelpFormatter


class Formatter(RawDescriptionHelpFormatter, DefaultHelpFormatter):
    """Examples stay as they are written, and options show their types and defaults."""


class OneLineErrors(ArgumentParser):
    """A parser whose errors are a ValueError of one line, which the door prints."""

    def format_help(self) -> str:
        return re.sub(r"--\w+", lambda option: option.group().replace("_", "-"), super().format_help())

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        raise ValueError(plain_sentence(message, names(self)))


def underscored(argument: str) -> str:
    """--top-k as the parameter top_k; what stands behind an equals sign stays as it is."""
    option, equals, value = argument.partition("=")
    return "--" + option[2:].replace("-", "_") + equals + value if option.startswith("--") else argument


def names(parser: Any) -> list[str]:
    """Every option of a parser, without its dashes."""
    return [option.lstrip("-") for action in parser._actions for option in action.option_strings]


def plain_sentence(message: str, known: list[str]) -> str:
    """The innermost reason of a nested message of jsonargparse, on one line."""
    unknown = re.search(
        r"(?:Unrecognized arguments?|Key|Option|unrecognized arguments?)[:\s]+'?(-{0,2}[\w.+-]+)", message
    )
    if unknown and re.search(r"nrecognized|not expected|does not|Unexpected", message):
        name = unknown.group(1).lstrip("-").split("=")[0]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        leaf = name.rsplit(".", 1)[-1]
        near = near or [n for n in known if n.rsplit(".", 1)[-1] == leaf][:1]
        return f"unknown option {name}" + (f"; did you mean {near[0]}?" if near else "")
    lines = [line.strip(" -") for line in message.splitlines() if line.strip(" -")]
    return " ".join(lines)[:400]


def call(command: Callable[..., None], arguments: list[str]) -> None:
    """Call a command with what its signature names; a list of files comes first, without a name."""
    described = docstring_parser.parse(inspect.cleandoc(command.__doc__ or ""))
    text = "\n\n".join(part for part in (described.short_description, described.long_description) if part)
    parser = OneLineErrors(
        prog=f"seq2seq {command.__name__}", description=text, formatter_class=Formatter
    )
    helps = {argument.arg_name: argument.description for argument in described.params}
    parameters = list(inspect.signature(command).parameters.values())
    listed = [p for p in parameters if p.annotation == list[str] and p.default in (p.empty, ())]
    single = [p for p in parameters if p.annotation is str and p.default is p.empty and p.name == "checkpoint"]
    for p in listed:
        parser.add_argument(p.name, nargs="*" if p.default == () else "+", type=str, help=helps.get(p.name))
    for p in single:
        parser.add_argument(p.name, type=str, help=helps.get(p.name))
    flags = [p for p in parameters if p.default is False]
    for p in flags:
        parser.add_argument(f"--{p.name}", action="store_true", help=helps.get(p.name))
    parser.add_function_arguments(command, skip={p.name for p in listed + single + flags}, as_positional=False)
    given = parser.parse_args([underscored(argument) for argument in arguments])
    command(**parser.instantiate_classes(given).as_dict())
