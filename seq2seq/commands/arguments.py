"""Arguments as the shell gives them: names with underscores, nothing empty, no option with two values."""

from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias

from seq2seq.errors import UserError
from seq2seq.ranges import brief

Arity: TypeAlias = Literal["none", "one", "many"]  # how many values an option takes
NUL = "\0"


def underscored(argument: str) -> str:
    """Return --top-k as the parameter top_k; what stands behind an equals sign stays as it is."""
    option, equals, value = argument.partition("=")
    return "--" + option[2:].replace("-", "_") + equals + value if option.startswith("--") else argument


def prepared(arguments: Iterable[str], arity: Callable[[str], Arity] = lambda option: "one") -> list[str]:
    """Return the arguments for a parser, without options whose value is empty, which count as not given.

    Args:
        arguments: What the shell gives.
        arity: How many values an option takes, which is written with its dashes.

    Raises:
        UserError: for an option with two values, of which one would be ignored, and for a NUL character.
    """
    rest = [underscored(argument) for argument in arguments]
    for argument in rest:
        if NUL in argument:
            raise UserError(f"an argument cannot hold a NUL character, as {brief(argument.replace(NUL, '␀'))} does")
    values: dict[str, str] = {}  # of the options so far, by name
    kept: list[str] = []
    while rest:
        argument, *rest = rest
        option, equals, value = argument.partition("=")
        if option == "--":
            return [*kept, argument, *filter(None, rest)]
        if not option.startswith("--") or arity(option) != "one":
            kept += [argument] if argument else []
            continue
        if not equals and rest and not rest[0].startswith("--"):
            value, *rest = rest
            argument = option
        elif not equals:
            kept.append(argument)  # without a value, which the parser complains of
            continue
        if not value:
            continue
        name = option.lstrip("-").replace(".init_args", "").removesuffix(".class_path")
        if name.endswith("+"):  # appends to a list an item that has options of its own
            values = {other: one for other, one in values.items() if not other.startswith(f"{name[:-1]}.")}
        elif name in values:
            raise UserError(f"{name} must be given once, and {brief(values[name])} and {brief(value)} were given")
        else:
            values[name] = value
        kept += [argument] if equals else [argument, value]
    return kept


def check_unicode(arguments: Iterable[str], why: str) -> None:
    """Raise a UserError for an argument that is not UTF-8, as a name of a file may be, where it would be kept as text.

    Args:
        arguments: What the shell gives.
        why: A clause that says where it would be kept.
    """
    for argument in arguments:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise UserError(f"{brief(argument)} must be UTF-8, since {why}")


def without_dotted(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return the options without a dot in their names, and those with one, each with the values behind it."""
    parts: tuple[list[str], list[str]] = [], []
    place = 0
    for argument in arguments:
        if argument.startswith("--"):
            place = int("." in argument.partition("=")[0])
        parts[place].append(argument)
    return parts
