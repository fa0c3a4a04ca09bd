"""Reading YAML that may be anything: bounded in depth and size, without an option that stands in it twice."""

import os
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import jsonargparse
import yaml
from jsonargparse import _loaders_dumpers, _paths

from seq2seq.data.text import decode, open_file
from seq2seq.errors import UserError, system_errors
from seq2seq.ranges import brief
from seq2seq.storage import check_regular

DEEPEST = 50  # levels of nesting; configurations have about ten
MOST = 100_000  # values, of which those behind an alias count each time that it stands for them
LARGEST_FILE = 1 << 24  # bytes

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_JSONARGPARSE: Any = _loaders_dumpers
_PATH: Any = _paths.Path
yaml.SafeDumper.add_multi_representer(  # a default of some of Lightning's classes
    Enum, lambda dumper, value: dumper.represent_data(value.value)
)
_read_text = _PATH.read_text
_load_yaml = _JSONARGPARSE.yaml_load


def check_configuration(path: str) -> None:
    """Raise a UserError if a file is no configuration: no regular file, no UTF-8, no YAML or no mapping of options."""
    check_regular(path)
    with open_file(path) as file, system_errors(f"cannot read {path}"):
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise UserError(f"the configuration {path} must have at most {LARGEST_FILE:,} bytes")
    text = decode(content, path, 1)
    try:
        check_yaml(text, path)
        found = yaml.load(text, Loader=_JSONARGPARSE.get_yaml_default_loader())
    except yaml.MarkedYAMLError as error:
        place = f", line {error.problem_mark.line + 1}" if error.problem_mark is not None else ""
        raise UserError(f"{path}{place} is not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is not YAML: {brief(error)}") from None
    if found is None:
        raise UserError(f"the configuration {path} is empty")
    if not isinstance(found, dict):
        raise UserError(f"the configuration {path} must hold options and their values, as `model: LanguageModel`")
    if wrong := [key for key in found if not isinstance(key, str)]:
        raise UserError(f"the configuration {path} must hold options by name, not {brief(wrong[0])}")


@dataclass
class _Node:
    """A mapping or a list that is open, and how many values are in it."""

    anchor: str | None
    is_mapping: bool
    keys: set[str] = field(default_factory=set)
    values: int = 0
    nodes: int = 0  # keys and values together


def check_yaml(text: str, name: str = "a value") -> None:
    """Raise a UserError for YAML that is too deep or too large to be a configuration, or that has a key twice.

    Args:
        text: What is going to be loaded.
        name: What it is, in the sentence.
    """
    opened: list[_Node] = [_Node(None, False)]
    sizes: dict[str, int] = {}
    for event in yaml.parse(text, Loader=_LOADER):
        top = opened[-1]
        if isinstance(event, yaml.CollectionStartEvent):
            opened.append(_Node(event.anchor, isinstance(event, yaml.MappingStartEvent)))
            if len(opened) > DEEPEST:
                raise UserError(f"{name} is nested more than {DEEPEST} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            closed, top = opened.pop(), opened[-1]
            sizes[closed.anchor or ""] = closed.values + 1
            top.values, top.nodes = top.values + closed.values + 1, top.nodes + 1
        elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            if isinstance(event, yaml.AliasEvent) and any(node.anchor == event.anchor for node in opened):
                raise UserError(f"{name}, line {event.start_mark.line + 1}: *{event.anchor} holds itself")
            is_key = top.is_mapping and top.nodes % 2 == 0
            if is_key and isinstance(event, yaml.ScalarEvent) and event.value != "<<":
                if event.value in top.keys:
                    where = f"{name}, line {event.start_mark.line + 1}"
                    raise UserError(f"{where}: {brief(event.value)} must be given once, and it stands there again")
                top.keys.add(event.value)
            size = sizes.get(event.anchor, 1) if isinstance(event, yaml.AliasEvent) else 1
            top.values, top.nodes = top.values + size, top.nodes + 1
        if top.values > MOST:
            raise UserError(f"{name} has more than {MOST:,} values")


def bound_values() -> None:
    """Let jsonargparse hold every YAML that it reads to these bounds: values of options and files that they name."""
    if _JSONARGPARSE.loaders["yaml"] is not _load:
        jsonargparse.set_loader("yaml", _load, exceptions=(yaml.YAMLError,))
        _PATH.read_text = _read_bounded
        _JSONARGPARSE.yaml_load = _load_bounded  # which reads numbers and truth values past that loader


def _read_bounded(path: Any) -> str:
    """Read a file that stands for an option's value, which jsonargparse lets be a pipe without an end."""
    check_regular(path.absolute)
    if os.path.getsize(path.absolute) > LARGEST_FILE:
        raise yaml.YAMLError(f"{path.relative} must have at most {LARGEST_FILE:,} bytes")
    text: str = _read_text(path)
    return text


def _load_bounded(text: str) -> Any:
    try:
        check_yaml(text)
        return _load_yaml(text)
    except ValueError as error:
        raise yaml.YAMLError(str(error)) from error


def _load(text: str) -> Any:
    try:
        check_yaml(text)
        if yaml.compose(text, Loader=_LOADER) is None:
            raise UserError("it is empty")
        return _load_yaml(text)
    except ValueError as error:  # also of a number of thousands of digits; what is no YAML may still be text
        raise yaml.YAMLError(str(error)) from error
