"""Save, load and restore tokenizers."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seq2seq.class_paths import is_builtin, resolve_trusted_class
from seq2seq.errors import UserError, prefix_errors, system_errors
from seq2seq.storage import check_regular, open_output
from seq2seq.tokenizers.bytes import Bytes
from seq2seq.tokenizers.characters import Characters
from seq2seq.tokenizers.states import abbreviate, check_version, fingerprint, from_json, to_json
from seq2seq.tokenizers.subwords import Subwords
from seq2seq.tokenizers.tokenizer import Tokenizer
from seq2seq.tokenizers.words import Words

# classes that a state names without their module
BUILTIN_CLASSES: dict[str, type[Tokenizer]] = {kind.__name__: kind for kind in (Bytes, Characters, Subwords, Words)}

_MAX_FILE_BYTES = 1 << 29  # the words of all languages would take less


def restore(state: dict[str, Any], trust: Sequence[str] = ()) -> Tokenizer:
    """Return the tokenizer of a state.

    Args:
        state: The result of `Tokenizer.state_dict`.
        trust: Modules that may be imported if the state names a class of theirs; comma-separated if it is a string.

    Raises:
        UserError: if the state is invalid, or names a class that is unknown or not trusted.
    """
    check_version(state)
    return _find_class(state.get("kind"), trust).from_state(state)


def _find_class(name: Any, trust: Sequence[str]) -> type[Tokenizer]:
    if not isinstance(name, str) or (name not in BUILTIN_CLASSES and "." not in name):
        raise UserError(f"the kind of a tokenizer must be one of {', '.join(BUILTIN_CLASSES)}, not {abbreviate(name)}")
    kind = BUILTIN_CLASSES.get(name) or resolve_trusted_class(name, trust)
    if not issubclass(kind, Tokenizer):
        raise UserError(f"it names {name}, which is no Tokenizer")
    return kind


def imported_modules() -> list[str]:
    """Return the modules of users' tokenizers that this process has imported.

    Training trusts them: its configuration names them, or the program that trains uses them.
    """

    def subclasses(kind: type) -> list[type]:
        direct: list[type] = type.__subclasses__(kind)
        return direct + [each for child in direct for each in subclasses(child)]

    return sorted({kind.__module__ for kind in subclasses(Tokenizer) if not is_builtin(kind)})


def save(tokenizer: Tokenizer, path: str | os.PathLike[str]) -> None:
    """Write a tokenizer to one JSON file with a checksum, atomically."""
    state = tokenizer.state_dict()
    with open_output(path) as file:
        file.write(to_json({**state, "checksum": fingerprint(state)}) + "\n")


def load(path: str | os.PathLike[str], trust: Sequence[str] = ()) -> Tokenizer:
    """Load a tokenizer from a file that `save` wrote.

    Args:
        path: The file.
        trust: Modules that may be imported if the file names a class of theirs; comma-separated if it is a string.

    Raises:
        UserError: if the file is invalid, or names a class that is unknown or not trusted.
    """
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
    except ValueError as error:
        raise UserError(f"{name} is not a file of a tokenizer: {error}") from error
    with prefix_errors(f"{name} cannot be used"):
        return restore(state, trust)
