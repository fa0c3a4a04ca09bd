"""Serialization of tokenizers: the format of their states, its version, and JSON."""

import base64
import hashlib
import inspect
import json
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from seq2seq.class_paths import class_path, is_builtin
from seq2seq.errors import UserError

FORMAT_VERSION = 1  # states of another version are rejected

_MAX_DEPTH = 20  # levels of nested containers
_SCALAR_TYPES = (type(None), bool, int, float, str, bytes)


def make_state(tokenizer: object, learned: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state of a tokenizer: its class, the options of its constructor, which are attributes, and `learned`.

    Raises a UserError for a user's class whose values are not plain data.
    """
    kind = type(tokenizer)
    options = {name: getattr(tokenizer, name) for name in inspect.signature(kind).parameters}
    state = {"kind": class_path(kind), "version": FORMAT_VERSION, "options": options, **learned}
    _check_plain(state, kind)
    return state


def check_version(state: Any) -> None:
    """Raise a UserError unless this is a state of the current format version."""
    if not isinstance(state, Mapping):
        raise UserError(f"the state of a tokenizer must be a dict, not {type(state).__name__}")
    if type(version := state.get("version")) is not int or version != FORMAT_VERSION:
        raise UserError(
            f"the state of a tokenizer has the format version {abbreviate(version)}, and this seq2seq reads only "
            f"{FORMAT_VERSION}"
        )


def options_of(state: Any, kind: type) -> dict[str, Any]:
    """Return the options in a state. Raises a UserError if it is not a state of this class with valid options."""
    check_version(state)
    if state.get("kind") != class_path(kind):
        raise UserError(f"the kind of this tokenizer must be {class_path(kind)}, not {abbreviate(state.get('kind'))}")
    _check_plain(state, kind)
    if "options" not in state:
        raise UserError("the state of a tokenizer must have options")
    options = state["options"]
    names = inspect.signature(kind).parameters
    if not isinstance(options, Mapping):
        raise UserError(f"the options of a tokenizer must be a dict, not {type(options).__name__}")
    _check_keys("the options", options, set(names))
    if is_builtin(kind):
        hints = get_type_hints(kind.__init__, include_extras=True)  # type: ignore[misc]
        for name in names:
            if not _matches_type(options[name], hints[name]):
                raise UserError(f"the option {name} of {kind.__name__} cannot be {abbreviate(options[name])}")
    return dict(options)


def learned_values_of(state: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the learned values in a state. Raises a UserError unless it has those of these names and no others."""
    _check_keys("the state", state, {"kind", "version", "options", *names})
    return {name: state[name] for name in names}


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


def _check_plain(state: Mapping[str, Any], kind: type) -> None:
    """Raise a UserError for a state of a user's class that JSON would change; the package's classes check their own."""
    for invalid in () if is_builtin(kind) else _invalid_values(state, _MAX_DEPTH):
        raise UserError(
            f"the state of {class_path(kind)} must hold only dicts with strings as keys, lists, numbers, strings, "
            f"bytes and None, not {abbreviate(invalid)}"
        )


def _invalid_values(value: Any, depth: int) -> Iterator[Any]:
    """Yield keys and values that are not plain data, and containers nested more than `depth` levels deep."""
    if isinstance(value, dict):
        yield from (key for key in value if type(key) is not str)
        value = list(value.values())
    elif type(value) is not list:
        if type(value) not in _SCALAR_TYPES:
            yield value
        return
    if depth == 0:
        yield value
    else:
        for item in value:
            yield from _invalid_values(item, depth - 1)


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
