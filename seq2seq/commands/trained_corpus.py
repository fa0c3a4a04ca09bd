"""The corpus that a model was trained on, as its checkpoint describes it."""

from collections.abc import Mapping
from types import NoneType
from typing import Any

from seq2seq.errors import UserError

_KINDS: dict[str, type | tuple[type, ...]] = {
    "corpus": str,
    "subset": (str, NoneType),
    "source": str,
    "target": str,
    "column": str,
    "held_out": (int, float),
}


def trained_corpus(description: Mapping[str, Any], corpus: str | None, *names: str) -> tuple[Any, ...]:
    """Return where a corpus is, its subset, and more that the data of the training was told.

    Args:
        description: What the checkpoint holds of its corpus.
        corpus: Where it is instead, if that is not None.
        names: Options of the data.

    Raises:
        UserError: if the checkpoint does not hold one of them.
    """
    held = {**description, **({} if corpus is None else {"corpus": corpus})}
    for name in ("corpus", "subset", *names):
        if name not in held or not isinstance(held[name], _KINDS[name]):
            raise UserError(f"the checkpoint does not say the {name} that it was trained with, so name files instead")
    return tuple(held[name] for name in ("corpus", "subset", *names))
