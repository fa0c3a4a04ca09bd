"""Tokenizers from and to states and files."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from seq2seq.errors import UserError, system_errors
from seq2seq.storage import check_regular, open_output
from seq2seq.tokenizers.states import check_version, fingerprint, from_json, short, to_json
from seq2seq.tokenizers.tokenizer import Tokenizer

_MODULES = {"Bytes": "bytes", "Characters": "characters", "Subwords": "subwords", "Words": "words"}
_LARGEST_FILE = 1 << 29  # bytes; the words of all languages would not fill it


def restore(state: dict[str, Any]) -> Tokenizer:
    """Return the tokenizer that gave this state. Raises a UserError if none of a known kind did."""
    check_version(state)
    kind = state.get("kind")
    if not isinstance(kind, str) or kind not in _MODULES:
        raise UserError(f"the kind of a tokenizer must be one of {', '.join(_MODULES)}, not {short(kind)}")
    made = getattr(import_module(f"seq2seq.tokenizers.{_MODULES[kind]}"), kind)()
    assert isinstance(made, Tokenizer)
    made.load_state_dict(state)
    return made


def save(tokenizer: Tokenizer, path: str | os.PathLike[str]) -> None:
    """Write the tokenizer into one file of JSON with a checksum, which is whole or absent."""
    state = tokenizer.state_dict()
    with open_output(path) as file:
        file.write(to_json({**state, "checksum": fingerprint(state)}) + "\n")


def load(path: str | os.PathLike[str]) -> Tokenizer:
    """Return the tokenizer in a file that `save` wrote. Raises a UserError that names the file if it holds none."""
    name = os.fspath(path)
    check_regular(name)
    with system_errors(f"cannot read {name}"), Path(path).open("rb") as file:
        content = file.read(_LARGEST_FILE + 1)
    try:
        if len(content) > _LARGEST_FILE:
            raise UserError(f"it has more than {_LARGEST_FILE:,} bytes")
        state = from_json(content.decode("ascii"))
        del content
        check_version(state)
        if state.pop("checksum", None) != fingerprint(state):
            raise UserError("it was damaged or changed, since its checksum does not fit")
        return restore(state)
    except ValueError as error:
        raise UserError(f"{name} is not a file of a tokenizer: {error}") from error
