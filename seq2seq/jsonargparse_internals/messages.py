"""jsonargparse's error messages as one plain sentence, with the nearest valid name."""

import inspect
import os
import re
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from seq2seq.errors import closest_name
from seq2seq.ranges import shorten

# base classes, by name, of the classes in configurations; by name to avoid importing the libraries of some
CONFIGURABLE_BASES = {"Recurrence", "EncoderLayer", "Attention", "Tokenizer", "LightningModule", "LightningDataModule"}
CONFIGURABLE_BASES |= {"Callback", "LRScheduler", "OutputLayer", "Search"}

UNION_ERROR = "Does not validate against any of the Union subtypes"  # starts the message about an optional class
WRAPPER_ERRORS = (UNION_ERROR, "Problem with given class_path")  # start messages about an error of a constructor
KEY = re.compile(r"Parser key \"([\w.]+)\"")


@contextmanager
def constructor_errors() -> Iterator[None]:
    """Re-raise the original error of a constructor called in the block, instead of jsonargparse's error about types."""
    try:
        yield
    except ValueError as error:
        original: BaseException = error
        while original.__cause__ is not None and str(original).startswith(WRAPPER_ERRORS):
            original = original.__cause__
        if original is error:
            raise
        raise original from original.__cause__


def describe_error(error: Exception) -> str:
    """Return an error of a parser without `exit_on_error` as one sentence, with the full name of the option."""
    *outer, message = re.split(rf"(?={KEY.pattern.partition('(')[0]})", " ".join(str(error).split()))
    keys = [found.group(1) for part in outer if (found := KEY.search(part))]
    if keys:  # every class around the option adds its own value, and every union the errors of its other types
        message = re.split(r"\. Got value: Namespace\(| - Expected an? ", message, maxsplit=1)[0]
    simple = simplify_message(message, [])
    return qualify_option(simple, ".".join(keys)) if keys else simple


class ErrorMessages:
    """Simplifies error messages; remembers recent ones, since the message of an outer parser repeats an inner one."""

    def __init__(self) -> None:
        self.recent: deque[str] = deque(maxlen=20)

    def simplify(self, message: str, known: list[str]) -> str:
        """Return a message as one sentence, with the full name of the option.

        Args:
            message: The message of jsonargparse.
            known: The options of the parser that raised it, without dashes.
        """
        repeated = [simple for simple in self.recent if simple in message]
        if repeated:
            key = KEY.search(message)
            first = min(repeated, key=lambda simple: (message.index(simple), -len(simple)))
            simple = qualify_option(first, key.group(1)) if key else first
        else:
            simple = simplify_message(message, known)
        self.recent.append(simple)
        return simple


def qualify_option(message: str, key: str) -> str:
    """Insert the key of a nested class before the name of its option in a simplified message."""
    names = (
        r"(?<=^unknown option )|(?<=did you mean )(?=\w[\w.]*\?$)|(?<=cannot be used as )|(?<=arguments are required: )"
        r"|(?<=, as )(?=[\w.]+ must be$)"
    )
    if message.startswith("there is no class"):
        return message
    return re.sub(rf"{names}|^(?=[\w.]+ must be )", f"{key}.", message)


def simplify_message(message: str, known: list[str]) -> str:
    """Return the reason in a message of jsonargparse on one line."""
    text = " ".join(message.split())
    key = found.group(1) if (found := KEY.search(text)) else "it"
    if match := re.search(r"Invalid content in sub-config file (.+?): (.+?)(?: - Expected a <.*)?$", text):
        return f"{key} cannot be read from {match.group(1)}: {match.group(2)[:300]}"
    if match := re.search(r"NestedArg\(key='(\w+)'", text):
        return f"unknown option {key}.{match.group(1)}, since no class with this option is given"
    if match := re.search(r"Option '([\w.]+)' is not accepted", text):
        return unknown_option_error(match.group(1), known)
    if match := re.search(r"[Uu]nrecognized arguments?: ([^-\s]\S*)", text):
        return f"unexpected argument {shorten(match.group(1))}"
    if match := re.search(r"(?:[Uu]nrecognized arguments?:|Key|Unrecognized option) '?-{0,2}([\w.]+)", text):
        return unknown_option_error(match.group(1), known)
    if match := re.search(r"Expected a typing\.Literal\[([^\]]+)\]\. Got value: (.+)", text):
        return f"{key} must be one of {match.group(1)}, and {shorten(match.group(2))} was given"
    if match := re.search(r"Multiple subclasses with name (\w+)", text):
        return f"there are several classes {match.group(1)}: {key} must name one with its module"
    if match := re.search(
        r"Expected '([\w.]+)' to be a subclass of (?:<class ')?(?:Union\[(.+?)\]\.\. |([\w.]+))", text
    ):
        bases = re.sub(r"\[[\w, ]*\]", "", match.group(2) or match.group(3)).replace(", ", " or ")
        return f"{shorten(match.group(1), 80)} is no {bases}, as {key} must be"
    if match := re.search(r"Import path does not correspond to a subclass of ([\w.]+).*Given value: (\S+)", text):
        return f"{shorten(match.group(2), 80)} is no {match.group(1)}, as {key} must be"
    if match := re.search(r"(?:a subclass spec, but got|Not a valid subclass of \w+) .*G(?:iven|ot) value: (.+)", text):
        return f"{key} must name a class, and {shorten(match.group(1))} was given"
    if match := re.search(r"Expected (an? [^.]+)\. Got value: (.+)", text):
        kind = re.sub(r"^an? <class '([\w.]+)'>$", r"of type \1", match.group(1))
        return f"{key} must be {kind}, and {shorten(match.group(2))} was given"
    if (match := re.search(rf"{UNION_ERROR} Subtypes: \[(.+)\] Errors: .*Given value: (.+)", text)) and (
        kinds := describe_types(match.group(1))
    ):
        return f"{key} must be {kinds}, and {shorten(match.group(2))} was given"
    if match := re.search(r"Expected a dot import path string: ([\w.]+)|given class_path '([^']+)': No module", text):
        return class_error(match.group(1) or match.group(2), key)
    if match := re.search(r"Expected a path but (.+?)(?: either not accessible or invalid.*)?$", text):
        return f"{key}: {shorten(match.group(1))} is neither a valid value nor a file"
    if match := re.search(r"Unable to load config '(.*?)' - ", text):
        return f"{key} must contain options and values, or be a file of them, and {shorten(match.group(1))} was given"
    if match := re.search(r"File does not exist: '([^']+)'", text):
        return f"there is no file {os.path.relpath(match.group(1))}"
    return text[:400]


def describe_types(types: str) -> str:
    """Return a phrase such as "of type int or float" for the types of a union; empty if they are classes."""
    plain = re.findall(r"<class '(int|float|bool|str)'>|Annotated\[(int|float),", types)
    choices = [choice for literal in re.findall(r"Literal\[([^\]]+)\]", types) for choice in literal.split(", ")]
    kinds = [f"of type {' or '.join(dict.fromkeys(map(''.join, plain)))}"] if plain else []
    return " or ".join(kinds + ([f"one of {', '.join(choices)}"] if choices else []))


def class_error(name: str, key: str) -> str:
    """Return the message for a class that does not exist, or that is not allowed for an option."""
    if name in class_names():
        return f"{shorten(name)} cannot be used as {key}"
    near = closest_name(name, sorted({cls.__name__ for cls in configurable_classes() if not inspect.isabstract(cls)}))
    return f"there is no class {shorten(name)}" + (f"; did you mean {near}?" if near else "")


def unknown_option_error(name: str, known: Iterable[str]) -> str:
    """Return the message for an unknown option, with the nearest known one or the classes that have such an option."""
    last_parts = {option.rsplit(".", 1)[-1]: option for option in known}
    last_part = name.rsplit(".", 1)[-1]
    near = closest_name(name, known, 0.7) or last_parts.get(closest_name(last_part, last_parts) or "")
    if near:
        return f"unknown option {shorten(name)}; did you mean {near}?"
    owners = sorted(
        cls.__name__
        for cls in configurable_classes()
        if last_part in inspect.signature(cls).parameters and not is_search(cls)
    )
    return f"unknown option {shorten(name)}" + (f", which belongs to {' and '.join(owners[:3])}" if owners else "")


def is_search(cls: type) -> bool:
    """Return whether a class is a search, which is only an option of another class and has no options of `fit`."""
    return "Search" in {base.__name__ for base in cls.__mro__}


def class_names() -> list[str]:
    return sorted({cls.__name__ for cls in configurable_classes()})


def configurable_classes() -> list[type]:
    """Return all imported classes of this package that a configuration can name."""
    modules = [module for name, module in sys.modules.items() if name.startswith("seq2seq.")]
    classes = {value for module in modules for value in vars(module).values() if inspect.isclass(value)}
    return [
        cls
        for cls in classes
        if cls.__module__.startswith("seq2seq.") and CONFIGURABLE_BASES & {base.__name__ for base in cls.__mro__}
    ]
