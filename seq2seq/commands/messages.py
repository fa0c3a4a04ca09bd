"""Messages of jsonargparse as one plain sentence, with the nearest name that exists."""

import difflib
import inspect
import os
import re
import sys
from collections import deque
from collections.abc import Iterable

from seq2seq.construction import UNION
from seq2seq.ranges import brief

# what configurations name subclasses of, without importing the libraries that some of them come from
BASES = {"Recurrence", "SelfAttention", "Attention", "Tokenizer", "LightningModule", "LightningDataModule"}
BASES |= {"Callback", "LRScheduler"}


class Sentences:
    """The sentences about the options of a class, which the message about the option that names the class repeats."""

    def __init__(self) -> None:
        self.said: deque[str] = deque(maxlen=20)

    def of(self, message: str, known: list[str]) -> str:
        """Return a message as one sentence, with the whole name of the option that it is about.

        Args:
            message: What jsonargparse says.
            known: The options of the parser that says it, without their dashes.
        """
        inner = [sentence for sentence in self.said if sentence in message]
        if inner:
            key = re.search(r"Parser key \"([\w.]+)\"", message)
            first = min(inner, key=lambda sentence: (message.index(sentence), -len(sentence)))
            sentence = within(first, key.group(1)) if key else first
        else:
            sentence = plain_sentence(message, known)
        self.said.append(sentence)
        return sentence


def within(sentence: str, key: str) -> str:
    """Return a sentence about an option of a class as one about the same option of what names the class."""
    names = (
        r"(?<=^unknown option )|(?<=did you mean )(?=\w[\w.]*\?$)|(?<=cannot stand at )|(?<=arguments are required: )"
    )
    if sentence.startswith("there is no class"):
        return sentence
    return re.sub(rf"{names}|^(?=[\w.]+ must be )", f"{key}.", sentence)


def plain_sentence(message: str, known: list[str]) -> str:
    """Return the reason in a message that repeats no other one, on one line."""
    text = " ".join(message.split())
    key = found.group(1) if (found := re.search(r"Parser key \"([\w.]+)\"", text)) else "it"
    if wrong := re.search(r"Invalid content in sub-config file (.+?): (.+?)(?: - Expected a <.*)?$", text):
        return f"{key} cannot be read from {wrong.group(1)}: {wrong.group(2)[:300]}"
    if wrong := re.search(r"NestedArg\(key='(\w+)'", text):
        return f"unknown option {key}.{wrong.group(1)}, since no class is named that could have it"
    if wrong := re.search(r"Option '([\w.]+)' is not accepted", text):
        return unknown(wrong.group(1), known)
    if wrong := re.search(r"[Uu]nrecognized arguments?: ([^-\s]\S*)", text):
        return f"there is no place for the argument {brief(wrong.group(1))}"
    if wrong := re.search(r"(?:[Uu]nrecognized arguments?:|Key|Unrecognized option) '?-{0,2}([\w.]+)", text):
        return unknown(wrong.group(1), known)
    if wrong := re.search(r"Expected a typing\.Literal\[([^\]]+)\]\. Got value: (.+)", text):
        return f"{key} must be one of {wrong.group(1)}, and {brief(wrong.group(2))} was given"
    if wrong := re.search(r"Multiple subclasses with name (\w+)", text):
        return f"there are several classes {wrong.group(1)}: {key} must name one with its module"
    if wrong := re.search(r"Expected (an? [^.]+)\. Got value: (.+)", text):
        kind = re.sub(r"^an? <class '([\w.]+)'>$", r"of type \1", wrong.group(1))
        return f"{key} must be {kind}, and {brief(wrong.group(2))} was given"
    if (wrong := re.search(rf"{UNION} Subtypes: \[(.+)\] Errors: .*Given value: (.+)", text)) and (
        kinds := plain_types(wrong.group(1))
    ):
        return f"{key} must be {kinds}, and {brief(wrong.group(2))} was given"
    if wrong := re.search(r"Expected a dot import path string: ([\w.]+)|given class_path '([^']+)': No module", text):
        return no_class(wrong.group(1) or wrong.group(2), key)
    if wrong := re.search(r"Expected a path but (.+?)(?: either not accessible or invalid.*)?$", text):
        return f"{key} can neither be {brief(wrong.group(1))} nor a file of this name"
    if wrong := re.search(r"File does not exist: '([^']+)'", text):
        return f"there is no file {os.path.relpath(wrong.group(1))}"
    return text[:400]


def plain_types(types: str) -> str:
    """Return what types, as Python writes them, let a value be; nothing if they are classes."""
    plain = re.findall(r"<class '(int|float|bool|str)'>|Annotated\[(int|float),", types)
    choices = [choice for literal in re.findall(r"Literal\[([^\]]+)\]", types) for choice in literal.split(", ")]
    kinds = [f"of type {' or '.join(dict.fromkeys(map(''.join, plain)))}"] if plain else []
    return " or ".join(kinds + ([f"one of {', '.join(choices)}"] if choices else []))


def no_class(name: str, key: str) -> str:
    """Return a sentence about a class that does not exist, or that does and cannot be the value of an option."""
    if name in class_names():
        return f"{brief(name)} cannot stand at {key}"
    near = difflib.get_close_matches(name, class_names(), n=1)
    return f"there is no class {brief(name)}" + (f"; did you mean {near[0]}?" if near else "")


def unknown(name: str, known: Iterable[str]) -> str:
    """Return a sentence about an option that does not exist, with the nearest one, or with the classes that have it."""
    leaves = {option.rsplit(".", 1)[-1]: option for option in known}
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    leaf = name.rsplit(".", 1)[-1]
    near = near or [leaves[one] for one in difflib.get_close_matches(leaf, leaves, n=1)]
    if near:
        return f"unknown option {brief(name)}; did you mean {near[0]}?"
    others = sorted(kind.__name__ for kind in classes() if leaf in inspect.signature(kind).parameters)[:3]
    return f"unknown option {brief(name)}" + (f", which belongs to {' and '.join(others)}" if others else "")


def class_names() -> list[str]:
    return sorted({kind.__name__ for kind in classes()})


def classes() -> list[type]:
    """Return all classes of ours that are imported and can stand in a configuration."""
    modules = [module for name, module in sys.modules.items() if name.startswith("seq2seq.")]
    found = {thing for module in modules for thing in vars(module).values() if inspect.isclass(thing)}
    return [
        kind
        for kind in found
        if kind.__module__.startswith("seq2seq.") and BASES & {base.__name__ for base in kind.__mro__}
    ]
