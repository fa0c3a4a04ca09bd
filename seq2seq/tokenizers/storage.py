"""Save, load and restore tokenizers."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from seq2seq.errors import UserError, system_errors
from seq2seq.storage import check_regular, open_output
from seq2seq.tokenizers.states import abbreviate, check_version, fingerprint, from_json, to_json
from seq2seq.tokenizers.tokenizer import Tokenizer

_MODULES = {"Bytes": "bytes", "Characters": "characters", "Subwords": "subwords", "Words": "words"}
_MAX_FILE_BYTES = 1 << 29  # the words of all languages would take less


def restore(state: dict[str, Any]) -> Tokenizer:
    """Return the tokenizer of a state. Raises a UserError for an invalid state or an unknown class."""
    check_version(state)
    kind = state.get("kind")
    if not isinstance(kind, str) or kind not in _MODULES:
        raise UserError(f"the kind of a tokenizer must be one of {', '.join(_MODULES)}, not {abbreviate(kind)}")
    tokenizer = getattr(import_module(f"seq2seq.tokenizers.{_MODULES[kind]}"), kind)()
    assert isinstance(tokenizer, Tokenizer)
    tokenizer.load_state_dict(state)
    return tokenizer


def save(tokenizer: Tokenizer, path: str | os.PathLike[str]) -> None:
    """Write a tokenizer to one JSON file with a checksum, atomically."""
    state = tokenizer.state_dict()
    with open_output(path) as file:
        file.write(to_json({**state, "checksum": fingerprint(state)}) + "\n")


def load(path: str | os.PathLike[str]) -> Tokenizer:
    """Load a tokenizer from a file that `save` wrote. Raises a UserError that names the file if it is invalid."""
    name = os.fspath(path)
    check_regular(name)
    with system_errors(f"cannot read {name}"), Path(path).open("rb") as file:
        content = file.read(_MAX_FILE_BYTES + 1)
    try:
        if len(content) > _MAX_FILE_BYTES:
            raise UserError(f"it has more than {_MAX_FILE_BYTES:,} bytes")
        state = from_json(content.decode("ascii"))
        del content
        check_version(state)
        if state.pop("checksum", None) != fingerprint(state):
            raise UserError("it was damaged or changed, since its checksum does not fit")
        return restore(state)
    except ValueError as error:
        raise UserError(f"{name} is not a file of a tokenizer: {error}") from error
