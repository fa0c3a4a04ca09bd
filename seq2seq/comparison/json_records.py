"""Read NamedTuples from JSON files, and check the type and the range of every field."""

import json
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from seq2seq.errors import UserError
from seq2seq.ranges import out_of_range, shorten
from seq2seq.storage import read_json

REMOVE = "remove it: what it contains is measured again"  # the remedy for a damaged file
MAX_NESTING = 50  # of lists and objects in a field of any type
DESCRIPTIONS = {str: "text", int: "a whole number", float: "a finite number", bool: "true or false"}
DESCRIPTIONS |= {list: "a list", tuple: "a list", dict: "an object"}


def read_record(path: Path, annotation: Any, other_fields: bool = False) -> Any:
    """Return the content of a JSON file as a value of a type. Raises a UserError with the remedy if it is damaged.

    Args:
        path: The file.
        annotation: The type, as in `to_type`.
        other_fields: Whether the file may contain other fields than the NamedTuple, which are ignored.
    """
    with remedy(REMOVE):
        content = read_json(path)
        if other_fields and isinstance(content, dict):
            content = {field: value for field, value in content.items() if field in annotation._fields}
        return to_type(annotation, content, str(path))


@contextmanager
def remedy(sentence: str) -> Iterator[None]:
    """Append a remedy to every UserError in the block."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{error}; {sentence}") from error


def to_type(annotation: Any, value: Any, name: str) -> Any:
    """Return a JSON value as a value of a type, with objects as NamedTuples. Raises a UserError if it does not fit.

    Args:
        annotation: A NamedTuple, list, tuple of any length, dict, Literal, str, int, float or bool; with None or a
            range.
        value: A value of JSON.
        name: Its name, for the error message.
    """
    origin, parts = get_origin(annotation) or annotation, get_args(annotation)
    if origin is Annotated:
        number = to_type(parts[0], value, name)
        for message in out_of_range({name: annotation}, {name: number}):
            raise UserError(message)
        return number
    if origin in (Union, types.UnionType):
        return None if value is None else to_type(parts[0], value, name)
    if origin in (list, tuple) and isinstance(value, list):
        return origin(to_type(parts[0], item, f"item {number} of {name}") for number, item in enumerate(value, 1))
    if hasattr(origin, "_fields") and isinstance(value, dict):
        return to_record(origin, value, name)
    if is_value(origin, parts, value):
        check_content(value, name, MAX_NESTING)
        return value
    expected = f"one of {', '.join(parts)}" if origin is Literal else DESCRIPTIONS.get(origin, "an object")
    given = DESCRIPTIONS[type(value)] if isinstance(value, list | dict) else shorten(json.dumps(value))
    raise UserError(f"{name} must be {expected}, and {given} was given")


def is_value(origin: Any, parts: tuple[Any, ...], value: Any) -> bool:
    """Return whether a JSON value is of a plain type; a float may be written without a fraction."""
    if origin is Literal:
        return value in parts
    if origin is float:
        return type(value) in (int, float) and abs(value) <= sys.float_info.max
    return type(value) is origin


def to_record(record: Any, content: dict[str, Any], name: str) -> Any:
    """Return a JSON object as a NamedTuple; fields with a default may be missing."""
    field_types = get_type_hints(record, include_extras=True)
    for field in content:
        if field not in field_types:
            raise UserError(f"{name} has an unexpected field {shorten(json.dumps(field))}")
    for field in field_types:
        if field not in content and field not in record._field_defaults:
            raise UserError(f"{name} has no {field}")
    return record(
        **{field: to_type(field_types[field], value, f"{field} of {name}") for field, value in content.items()}
    )


def check_content(value: Any, name: str, nesting: int) -> None:
    """Raise a UserError for text that cannot be written as UTF-8, and for content that is nested too deeply."""
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise UserError(f"{name} must be Unicode text, and {shorten(json.dumps(value))} was given")
    if nesting == 0:
        raise UserError(f"{name} is nested more than {MAX_NESTING} levels deep")
    for part in (*value, *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ():
        check_content(part, name, nesting - 1)
