"""Preparation of command-line arguments: underscores in option names, no empty values, no option given twice."""

from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias

from seq2seq.errors import UserError
from seq2seq.ranges import shorten

Arity: TypeAlias = Literal["none", "one", "many"]  # how many values an option takes
NUL = "\0"


def underscore_option(argument: str) -> str:
    """Replace dashes in the name of an option, as --top_k for --top-k; the value after an equals sign is unchanged."""
    option, equals, value = argument.partition("=")
    return "--" + option[2:].replace("-", "_") + equals + value if option.startswith("--") else argument


def prepare_arguments(arguments: Iterable[str], arity: Callable[[str], Arity] = lambda option: "one") -> list[str]:
    """Return the arguments for a parser, without options that have an empty value, which count as not given.

    Args:
        arguments: Arguments of the command line.
        arity: Returns how many values an option takes, given its name with dashes.

    Raises:
        UserError: for an option that is given twice, and for a NUL character.
    """
    rest = [underscore_option(argument) for argument in arguments]
    for argument in rest:
        if NUL in argument:
            raise UserError(
                f"arguments cannot contain NUL characters, and {shorten(argument.replace(NUL, '␀'))} was given"
            )
    values: dict[str, str] = {}  # of the options so far, by name
    prepared: list[str] = []
    while rest:
        argument, *rest = rest
        option, equals, value = argument.partition("=")
        if option == "--":
            return [*prepared, argument, *filter(None, rest)]
        if not option.startswith("--") or arity(option) != "one":
            prepared += [argument] if argument else []
            continue
        if not equals and rest and not rest[0].startswith("--"):
            value, *rest = rest
            argument = option
        elif not equals:
            prepared.append(argument)  # without a value: the parser reports it
            continue
        if not value:
            continue
        name = option.lstrip("-").replace(".init_args", "").removesuffix(".class_path")
        if name.endswith("+"):  # appends an item to a list; the options of the previous item may be given again
            values = {key: old for key, old in values.items() if not key.startswith(f"{name[:-1]}.")}
        elif name in values:
            raise UserError(f"{name} must be given once, and {shorten(values[name])} and {shorten(value)} were given")
        else:
            values[name] = value
        prepared += [argument] if equals else [argument, value]
    return prepared


def check_unicode(arguments: Iterable[str], reason: str) -> None:
    """Raise a UserError for an argument that is not UTF-8, as a file name may be, but is going to be stored as text.

    Args:
        arguments: Arguments of the command line.
        reason: A clause that says where the argument is stored.
    """
    for argument in arguments:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise UserError(f"{shorten(argument)} must be UTF-8, since {reason}")


def split_dotted_options(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Split arguments into options without a dot in their names and options with one, each with its values."""
    plain: list[str] = []
    dotted: list[str] = []
    target = plain
    for argument in arguments:
        if argument.startswith("--"):
            target = dotted if "." in argument.partition("=")[0] else plain
        target.append(argument)
    return plain, dotted
