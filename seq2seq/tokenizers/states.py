"""The states of tokenizers: their form and its version, and how they are written as JSON."""

import base64
import hashlib
import inspect
import json
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from seq2seq.errors import UserError

VERSION = 1  # of the form of a state; those of another version are refused


def make_state(tokenizer: object, kind: type, **learned: Any) -> dict[str, Any]:
    """Return the state of a tokenizer of some kind: its options and what it learned."""
    options = {name: getattr(tokenizer, name) for name in inspect.signature(kind).parameters}
    return {"kind": kind.__name__, "version": VERSION, "options": options, **learned}


def check_version(state: Any) -> None:
    """Raise a UserError for what is no state, or one of another version."""
    if not isinstance(state, Mapping):
        raise UserError(f"the state of a tokenizer must be a dict, not {type(state).__name__}")
    if type(version := state.get("version")) is not int or version != VERSION:
        raise UserError(
            f"the state of a tokenizer has the format version {short(version)}, and this seq2seq reads only {VERSION}"
        )


def options_of(state: Any, kind: type, *learned: str) -> dict[str, Any]:
    """Return the options in a state, once all but what was learned is known to be as `make_state` makes it.

    Args:
        state: What was read.
        kind: The class of tokenizer that it must be of.
        learned: The names of what this class learns.
    """
    check_version(state)
    if state.get("kind") != kind.__name__:
        raise UserError(f"the kind of this tokenizer must be {kind.__name__}, not {short(state.get('kind'))}")
    _check_names("the state", state, {"kind", "version", "options", *learned})
    options = state["options"]
    hints = get_type_hints(kind.__init__, include_extras=True)  # type: ignore[misc]
    names = inspect.signature(kind).parameters
    if not isinstance(options, Mapping):
        raise UserError(f"the options of a tokenizer must be a dict, not {type(options).__name__}")
    _check_names("the options", options, set(names))
    for name in names:
        if not _fits(options[name], hints[name]):
            raise UserError(f"the option {name} of {kind.__name__} cannot be {short(options[name])}")
    return dict(options)


def fingerprint(state: Mapping[str, Any]) -> str:
    """Return a hash of a state: equal for tokenizers that do the same, in every process."""
    return hashlib.sha256(to_json(state).encode()).hexdigest()


def short(value: object) -> str:
    """Return a value as a message can quote it."""
    quoted = repr(value)[:43]
    return quoted if len(quoted) < 43 else quoted[:40] + "..."


def to_json(state: Mapping[str, Any]) -> str:
    """Return one line of JSON, the same for equal states; bytes are written as {"base64": "..."}."""
    return json.dumps(state, ensure_ascii=True, sort_keys=True, default=_bytes_to_plain)


def from_json(text: str) -> Any:
    """Return what `to_json` was given. Raises a UserError if the text is no such JSON."""
    try:
        return json.loads(text, object_hook=_plain_to_bytes)
    except RecursionError:
        raise UserError("it is nested too deeply") from None
    except (ValueError, TypeError) as error:
        raise UserError(f"it is not JSON as it was written: {error}") from error


def _check_names(what: str, found: Mapping[Any, Any], expected: set[str]) -> None:
    if missing := expected - found.keys():
        raise UserError(f"{what} of a tokenizer must have {', '.join(sorted(missing))}")
    if more := found.keys() - expected:
        raise UserError(f"{what} of this tokenizer cannot have {', '.join(sorted(map(short, more)))}")


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotated type; ranges are left to the constructor."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _fits(value, arguments[0])
    if origin in (Union, types.UnionType):
        return any(_fits(value, part) for part in arguments)
    if origin is Literal:
        return type(value) is str and value in arguments
    return type(value) in (int, float) if hint is float else type(value) is hint


def _bytes_to_plain(value: object) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"a state holds only dicts, lists, numbers, strings and bytes, not {type(value).__name__}")


def _plain_to_bytes(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["base64"], validate=True) if value.keys() == {"base64"} else value
