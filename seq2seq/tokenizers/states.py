"""Serialization of tokenizers: the format of their states, its version, and JSON."""

import base64
import hashlib
import inspect
import json
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from seq2seq.errors import UserError

FORMAT_VERSION = 1  # states of another version are rejected


def make_state(tokenizer: object, kind: type, **learned: Any) -> dict[str, Any]:
    """Return the state of a tokenizer: its class, options and learned values."""
    options = {name: getattr(tokenizer, name) for name in inspect.signature(kind).parameters}
    return {"kind": kind.__name__, "version": FORMAT_VERSION, "options": options, **learned}


def check_version(state: Any) -> None:
    """Raise a UserError unless this is a state of the current format version."""
    if not isinstance(state, Mapping):
        raise UserError(f"the state of a tokenizer must be a dict, not {type(state).__name__}")
    if type(version := state.get("version")) is not int or version != FORMAT_VERSION:
        raise UserError(
            f"the state of a tokenizer has the format version {abbreviate(version)}, and this seq2seq reads only "
            f"{FORMAT_VERSION}"
        )


def check_state(state: Any, kind: type, *learned: str) -> dict[str, Any]:
    """Check the format of a state, except for its learned values, and return its options.

    Args:
        state: The state to check.
        kind: The class of the tokenizer.
        learned: Keys of the learned values of this class.
    """
    check_version(state)
    if state.get("kind") != kind.__name__:
        raise UserError(f"the kind of this tokenizer must be {kind.__name__}, not {abbreviate(state.get('kind'))}")
    _check_keys("the state", state, {"kind", "version", "options", *learned})
    options = state["options"]
    hints = get_type_hints(kind.__init__, include_extras=True)  # type: ignore[misc]
    names = inspect.signature(kind).parameters
    if not isinstance(options, Mapping):
        raise UserError(f"the options of a tokenizer must be a dict, not {type(options).__name__}")
    _check_keys("the options", options, set(names))
    for name in names:
        if not _matches_type(options[name], hints[name]):
            raise UserError(f"the option {name} of {kind.__name__} cannot be {abbreviate(options[name])}")
    return dict(options)


def fingerprint(state: Mapping[str, Any]) -> str:
    """Return a hash of a state, equal for equal tokenizers in every process."""
    return hashlib.sha256(to_json(state).encode()).hexdigest()


def abbreviate(value: object) -> str:
    """Return the `repr` of a value, cut to 43 characters for error messages."""
    text = repr(value)[:43]
    return text if len(text) < 43 else text[:40] + "..."


def to_json(state: Mapping[str, Any]) -> str:
    """Return one line of JSON, the same for equal states; bytes are written as {"base64": "..."}."""
    return json.dumps(state, ensure_ascii=True, sort_keys=True, default=_bytes_to_json)


def from_json(text: str) -> Any:
    """Return the state from the result of `to_json`. Raises a UserError for any other text."""
    try:
        return json.loads(text, object_hook=_json_to_bytes)
    except RecursionError:
        raise UserError("it is nested too deeply") from None
    except (ValueError, TypeError) as error:
        raise UserError(f"it is not JSON as it was written: {error}") from error


def _check_keys(name: str, mapping: Mapping[Any, Any], expected: set[str]) -> None:
    if missing := expected - mapping.keys():
        raise UserError(f"{name} of a tokenizer must have {', '.join(sorted(missing))}")
    if unexpected := mapping.keys() - expected:
        raise UserError(f"{name} of this tokenizer cannot have {', '.join(sorted(map(abbreviate, unexpected)))}")


def _matches_type(value: Any, hint: Any) -> bool:
    """Return whether a value has an annotated type; the constructor checks ranges."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _matches_type(value, arguments[0])
    if origin in (Union, types.UnionType):
        return any(_matches_type(value, part) for part in arguments)
    if origin is Literal:
        return type(value) is str and value in arguments
    return type(value) in (int, float) if hint is float else type(value) is hint


def _bytes_to_json(value: object) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"a state holds only dicts, lists, numbers, strings and bytes, not {type(value).__name__}")


def _json_to_bytes(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["base64"], validate=True) if value.keys() == {"base64"} else value
