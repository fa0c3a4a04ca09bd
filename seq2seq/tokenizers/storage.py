"""Tokenizers from and to states and files."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from seq2seq.errors import UserError, system_errors
from seq2seq.storage import open_output
from seq2seq.tokenizers.interface import Tokenizer
from seq2seq.tokenizers.plain import from_json, to_json

_ROOMS = {"Bytes": "bytes", "Characters": "characters", "Subwords": "subwords", "Words": "words"}


def restore(state: dict[str, Any]) -> Tokenizer:
    """The tokenizer that gave this state. Raises ValueError if the state is of no known kind."""
    kind = state.get("kind")
    if kind not in _ROOMS:
        raise UserError(f"the kind of a tokenizer must be one of {', '.join(_ROOMS)}, not {kind!r}")
    made = getattr(import_module(f"seq2seq.tokenizers.{_ROOMS[kind]}"), kind)()
    assert isinstance(made, Tokenizer)
    made.load_state_dict(state)
    return made


def save(tokenizer: Tokenizer, path: str | os.PathLike[str]) -> None:
    """Write the tokenizer into one file of JSON, which is whole or absent."""
    with open_output(path) as file:
        file.write(to_json(tokenizer.state_dict()) + "\n")


def load(path: str | os.PathLike[str]) -> Tokenizer:
    """The tokenizer in a file that `save` wrote. Raises ValueError if the file holds none."""
    try:
        with system_errors(f"cannot read {os.fspath(path)}"):
            text = Path(path).read_text(encoding="ascii")
        state = from_json(text)
        if not isinstance(state, dict):
            raise UserError("it holds no state")
        return restore(state)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{os.fspath(path)} is not a file of a tokenizer: {error}") from error
