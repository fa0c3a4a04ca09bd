"""The corpus that a model was trained on, as recorded in its checkpoint."""

from collections.abc import Mapping
from types import NoneType
from typing import Any

from seq2seq.errors import UserError

_TYPES: dict[str, type | tuple[type, ...]] = {
    "corpus": str,
    "subset": (str, NoneType),
    "source": str,
    "target": str,
    "column": str,
    "held_out": (int, float),
}


def trained_corpus(description: Mapping[str, Any], corpus: str | None, *names: str) -> tuple[Any, ...]:
    """Return the corpus of the training, its subset, and other options of its data.

    Args:
        description: Options of the corpus in the checkpoint.
        corpus: Corpus to use instead of that of the training.
        names: Names of the other options.

    Raises:
        UserError: if the checkpoint lacks one of them.
    """
    options = {**description, **({} if corpus is None else {"corpus": corpus})}
    for name in ("corpus", "subset", *names):
        if name not in options or not isinstance(options[name], _TYPES[name]):
            raise UserError(f"the checkpoint does not record the {name} of its training: name files instead")
    return tuple(options[name] for name in ("corpus", "subset", *names))
