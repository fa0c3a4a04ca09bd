"""Tokenizers from and to states and files."""

import os
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from seq2seq.errors import UserError, system_errors
from seq2seq.storage import open_output
from seq2seq.tokenizers.interface import SPECIALS, Tokenizer
from seq2seq.tokenizers.plain import from_json, to_json

_ROOMS = {"Bytes": "bytes", "Characters": "characters", "Subwords": "subwords", "Words": "words"}


def restore(state: dict[str, Any]) -> Tokenizer:
    """Return the tokenizer that gave this state. Raises UserError if the state is of no known kind, or damaged."""
    kind = state.get("kind")
    if not isinstance(kind, str) or kind not in _ROOMS:
        raise UserError(f"the kind of a tokenizer must be one of {', '.join(_ROOMS)}, not {str(kind)[:80]!r}")
    made = getattr(import_module(f"seq2seq.tokenizers.{_ROOMS[kind]}"), kind)()
    assert isinstance(made, Tokenizer)
    units = state.get("units", list(SPECIALS))
    if not (isinstance(units, list) and all(isinstance(unit, str) for unit in units)):
        raise UserError(f"the units of a tokenizer of {kind.lower()} must be a list of strings")
    if units and (tuple(units[: len(SPECIALS)]) != SPECIALS or len(set(units)) < len(units)):
        raise UserError(f"the units of a tokenizer of {kind.lower()} must be the special ones and others, each once")
    if (model := state.get("model")) is not None and not (isinstance(model, bytes) and model):
        raise UserError(f"the state of a tokenizer of {kind.lower()} is damaged: its model must be bytes")
    try:
        made.load_state_dict(state)
        with suppress(UserError):  # which is said when an unlearned one is used
            _ = made.vocab_size
    except UserError:
        raise
    except Exception as error:  # sentencepiece raises many kinds for what is no model of its own
        raise UserError(f"the state of a tokenizer of {kind.lower()} is damaged: {type(error).__name__}") from error
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
