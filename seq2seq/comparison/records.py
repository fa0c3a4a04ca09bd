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


def read_record(path: Path, kind: Any, other_fields: bool = False) -> Any:
    """Return the content of a JSON file as a value of a type. Raises a UserError with the remedy if it is damaged.

    Args:
        path: The file.
        kind: The type, as in `to_type`.
        other_fields: Whether the file may contain other fields than the NamedTuple, which are ignored.
    """
    with remedy(REMOVE):
        content = read_json(path)
        if other_fields and isinstance(content, dict):
            content = {field: value for field, value in content.items() if field in kind._fields}
        return to_type(kind, content, str(path))


@contextmanager
def remedy(sentence: str) -> Iterator[None]:
    """Append a remedy to every UserError in the block."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{error}; {sentence}") from error


def to_type(kind: Any, value: Any, name: str) -> Any:
    """Return a JSON value as a value of a type, with objects as NamedTuples. Raises a UserError if it does not fit.

    Args:
        kind: A NamedTuple, whose fields with a default may be missing, list, tuple of any length, dict, Literal, str,
            int, float or bool; with None or a range.
        value: A value of JSON.
        name: Its name, for the error message.
    """
    origin, parts = get_origin(kind) or kind, get_args(kind)
    if origin is Annotated:
        number = to_type(parts[0], value, name)
        for message in out_of_range({name: kind}, {name: number}):
            raise UserError(message)
        return number
    if origin in (Union, types.UnionType):
        return None if value is None else to_type(parts[0], value, name)
    if origin in (list, tuple) and isinstance(value, list):
        return origin(to_type(parts[0], item, f"item {number} of {name}") for number, item in enumerate(value, 1))
    if hasattr(origin, "_fields") and isinstance(value, dict):
        for field in value:
            if field not in origin._fields:
                raise UserError(f"{name} has an unexpected field {shorten(json.dumps(field))}")
        for field in origin._fields:
            if field not in value and field not in origin._field_defaults:
                raise UserError(f"{name} has no {field}")
        kinds = get_type_hints(origin, include_extras=True)
        return origin(**{field: to_type(kinds[field], item, f"{field} of {name}") for field, item in value.items()})
    if origin is float:  # may be written without a fraction
        fits = type(value) in (int, float) and abs(value) <= sys.float_info.max
    else:
        fits = value in parts if origin is Literal else type(value) is origin
    if not fits:
        expected = f"one of {', '.join(parts)}" if origin is Literal else DESCRIPTIONS.get(origin, "an object")
        given = DESCRIPTIONS[type(value)] if isinstance(value, list | dict) else shorten(json.dumps(value))
        raise UserError(f"{name} must be {expected}, and {given} was given")
    check_content(value, name, MAX_NESTING)
    return value


def check_content(value: Any, name: str, nesting: int) -> None:
    """Raise a UserError for text that cannot be written as UTF-8, and for content that is nested too deeply."""
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise UserError(f"{name} must be Unicode text, and {shorten(json.dumps(value))} was given")
    if nesting == 0:
        raise UserError(f"{name} is nested more than {MAX_NESTING} levels deep")
    for part in (*value, *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ():
        check_content(part, name, nesting - 1)
