"""Tokenizers from and to states and files."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from seq2seq.files import whole
from seq2seq.tokenizers.interface import Tokenizer
from seq2seq.tokenizers.plain import from_json, to_json

_ROOMS = {"Bytes": "bytes", "Characters": "characters", "Subwords": "subwords", "Words": "words"}


def restore(state: dict[str, Any]) -> Tokenizer:
    """The tokenizer that gave this state. Raises ValueError if the state is of no known kind."""
    kind = state.get("kind")
    if kind not in _ROOMS:
        raise ValueError(f"the kind of a tokenizer must be one of {', '.join(_ROOMS)}, not {kind!r}")
    made = getattr(import_module(f"seq2seq.tokenizers.{_ROOMS[kind]}"), kind)()
    assert isinstance(made, Tokenizer)
    made.load_state_dict(state)
    return made


def save(tokenizer: Tokenizer, path: str | os.PathLike[str]) -> None:
    """Write the tokenizer into one file of JSON, which is whole or absent."""
    with whole(path) as temporary:
        temporary.write_text(to_json(tokenizer.state_dict()) + "\n", encoding="ascii")


def load(path: str | os.PathLike[str]) -> Tokenizer:
    """The tokenizer in a file that `save` wrote. Raises ValueError if the file holds none."""
    try:
        state = from_json(Path(path).read_text(encoding="ascii"))
        if not isinstance(state, dict):
            raise ValueError("it holds no state")
        return restore(state)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{os.fspath(path)} is not a file of a tokenizer: {error}") from error
