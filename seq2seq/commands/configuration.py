"""Reading untrusted YAML: limits on depth and size, and no duplicate keys."""

import os
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import yaml

from seq2seq.data.text import decode, open_file
from seq2seq.errors import UserError, system_errors
from seq2seq.jsonargparse_internals.parsers import load_yaml, read_path, set_yaml_reader, yaml_loader
from seq2seq.ranges import shorten
from seq2seq.storage import check_regular

MAX_DEPTH = 50  # levels of nesting; configurations have about ten
MAX_VALUES = 100_000  # the values of an anchor count once for each alias
MAX_FILE_BYTES = 1 << 24
CONTAIN_OPTIONS = "contain options and values"

_NOT_FINITE = re.compile(r"[-+]?(inf|infinity|nan)", re.IGNORECASE)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
yaml.SafeDumper.add_multi_representer(  # some defaults of Lightning's classes are enums
    Enum, lambda dumper, value: dumper.represent_data(value.value)
)


def read_configuration(path: str) -> dict[str, Any]:
    """Return the options in a configuration, a regular file of YAML in UTF-8.

    Raises:
        UserError: for any other file, and for options of a class that are not a mapping.
    """
    check_regular(path)
    with open_file(path) as file, system_errors(f"cannot read {path}"):
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise UserError(f"the configuration {path} must have at most {MAX_FILE_BYTES:,} bytes")
    text = decode(content, path, 1)
    try:
        check_yaml(text, path)
        options = yaml.load(text, Loader=yaml_loader())
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark is not None else ""
        raise UserError(f"{path}{line} is not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is not YAML: {shorten(error)}") from None
    if options is None:
        raise UserError(f"the configuration {path} is empty")
    if not isinstance(options, dict):
        raise UserError(f"the configuration {path} must contain options and values, such as `model: LanguageModel`")
    if invalid := [key for key in options if not isinstance(key, str)]:
        raise UserError(f"the names of options in {path} must be strings, and {shorten(invalid[0])} was given")
    check_class_options(options, path)
    return options


def check_class_options(value: Any, path: str, name: str = "") -> None:
    """Raise a UserError for a class_path or init_args in a configuration that cannot be one.

    Args:
        value: The value of an option, or the whole configuration.
        path: The configuration, for the message.
        name: The option.
    """
    if isinstance(value, list):
        for item in value:
            check_class_options(item, path, name)
    elif isinstance(value, dict):
        if not isinstance(value.get("class_path", ""), str):
            raise value_error(f"{name}.class_path", path, "name a class", value["class_path"])
        if not isinstance(value.get("init_args", {}), dict):
            raise value_error(f"{name}.init_args", path, CONTAIN_OPTIONS, value["init_args"])
        for key, item in value.items():
            check_class_options(item, path, f"{name}.{key}" if name else str(key))


def value_error(name: str, path: str, requirement: str, value: Any) -> UserError:
    """Return the error for the value of an option in a configuration."""
    text = "null" if value is None else shorten(value) or "an empty string"
    return UserError(f"{name} in {path} must {requirement}, and {text} was given")


@dataclass
class _Node:
    """A mapping or a list that is being parsed, and the number of values in it."""

    anchor: str | None
    is_mapping: bool
    keys: set[str] = field(default_factory=set)
    values: int = 0
    nodes: int = 0  # keys and values together


def check_yaml(text: str, name: str = "a value") -> None:
    """Raise a UserError for YAML that is nested too deep, too large, recursive, or has a duplicate key.

    Args:
        text: The YAML.
        name: Its name in the message.
    """
    opened: list[_Node] = [_Node(None, False)]
    sizes: dict[str, int] = {}
    for event in yaml.parse(text, Loader=_LOADER):
        top = opened[-1]
        if isinstance(event, yaml.CollectionStartEvent):
            opened.append(_Node(event.anchor, isinstance(event, yaml.MappingStartEvent)))
            if len(opened) > MAX_DEPTH:
                raise UserError(f"{name} is nested more than {MAX_DEPTH} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            closed, top = opened.pop(), opened[-1]
            sizes[closed.anchor or ""] = closed.values + 1
            top.values, top.nodes = top.values + closed.values + 1, top.nodes + 1
        elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            if isinstance(event, yaml.AliasEvent) and any(node.anchor == event.anchor for node in opened):
                raise UserError(f"{name}, line {event.start_mark.line + 1}: *{event.anchor} contains itself")
            is_key = top.is_mapping and top.nodes % 2 == 0
            if is_key and isinstance(event, yaml.ScalarEvent) and event.value != "<<":
                if event.value in top.keys:
                    where = f"{name}, line {event.start_mark.line + 1}"
                    raise UserError(f"{where}: duplicate key {shorten(event.value)}")
                top.keys.add(event.value)
            size = sizes.get(event.anchor, 1) if isinstance(event, yaml.AliasEvent) else 1
            top.values, top.nodes = top.values + size, top.nodes + 1
        if top.values > MAX_VALUES:
            raise UserError(f"{name} has more than {MAX_VALUES:,} values")


def limit_yaml() -> None:
    """Apply these limits to all YAML that jsonargparse reads: values of options, and files named as values."""
    set_yaml_reader(_load_option, _load_scalar, _read_limited)


def _read_limited(path: Any) -> str:
    """Read a file that contains an option's value; jsonargparse itself would read an endless pipe."""
    check_regular(path.absolute)
    if os.path.getsize(path.absolute) > MAX_FILE_BYTES:
        raise yaml.YAMLError(f"{path.relative} must have at most {MAX_FILE_BYTES:,} bytes")
    return read_path(path)


def _load_scalar(text: str) -> Any:
    if _NOT_FINITE.fullmatch(text.strip()):  # YAML itself writes .inf and .nan
        return float(text)
    try:
        check_yaml(text)
        return load_yaml(text)
    except ValueError as error:
        raise yaml.YAMLError(str(error)) from error


def _load_option(text: str) -> Any:
    try:
        check_yaml(text)
        if yaml.compose(text, Loader=_LOADER) is None:
            raise UserError("it is empty")
        return load_yaml(text)
    except ValueError as error:  # also for a number of thousands of digits; jsonargparse then tries it as a string
        raise yaml.YAMLError(str(error)) from error
