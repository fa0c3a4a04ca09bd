"""The corpus that a model was trained on, as recorded in its checkpoint."""

from collections.abc import Mapping
from types import NoneType
from typing import Any

from seq2seq.errors import UserError
from seq2seq.ranges import out_of_range

_TYPES: dict[str, tuple[type, ...]] = {
    "corpus": (str,),
    "subset": (str, NoneType),
    "source": (str,),
    "target": (str,),
    "column": (str,),
    "held_out": (int, float),
}


def trained_corpus(description: Mapping[str, Any], corpus: str | None, *names: str, held_out: Any) -> tuple[Any, ...]:
    """Return the corpus of the training, its subset, other options of its data, and the share that is held out.

    Args:
        description: Options of the corpus in the checkpoint.
        corpus: Corpus to use instead of that of the training and its subset.
        names: Names of the other options.
        held_out: Type of the share that is held out, with its range.

    Raises:
        UserError: if the checkpoint lacks one of them, or if the share is out of range.
    """
    options = {**description, **({} if corpus is None else {"corpus": corpus, "subset": None})}
    required = ("corpus", "subset", *names, "held_out")
    for name in required:
        if name not in options or type(options[name]) not in _TYPES[name]:
            raise UserError(f"the checkpoint does not record the {name} of its training: name files instead")
    for problem in out_of_range({"held_out": held_out}, options):
        raise UserError(f"the checkpoint does not record a valid corpus of its training: {problem}; name files instead")
    return tuple(options[name] for name in required)
