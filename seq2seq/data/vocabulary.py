"""The tokenizer of a corpus: loaded from a file or a checkpoint, or learned once and cached."""

import pkgutil
from collections.abc import Callable, Iterable
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any

from seq2seq import checkpoint, tokenizers
from seq2seq.class_paths import class_path, is_builtin
from seq2seq.errors import UserError, prefix_errors
from seq2seq.standard_streams import rank_zero_log
from seq2seq.storage import open_cached
from seq2seq.tokenizers import Tokenizer
from seq2seq.tokenizers.states import abbreviate
from seq2seq.tokenizers.storage import BUILTIN_CLASSES, imported_modules


def load_or_learn_tokenizer(
    tokenizer: Tokenizer | str, lines: Callable[[], Iterable[str]], content_hash: str, side: str = "source"
) -> Tokenizer:
    """Return a tokenizer with a vocabulary.

    Args:
        tokenizer: A tokenizer, learned if it has no vocabulary yet, or the path of a file written by
            `seq2seq tokenize`, or of a checkpoint.
        lines: Returns the lines to learn from.
        content_hash: A hash of these lines, under which the learned tokenizer is cached.
        side: The tokenizer to take from a checkpoint that has two: "source" or "target".
    """
    if isinstance(tokenizer, str):
        return load_given_tokenizer(tokenizer, side)
    check_restorable(tokenizer)
    if is_learned(tokenizer):
        return tokenizer
    unsampled = copy(tokenizer)
    unsampled.sampling = 0.0  # the learned vocabulary does not depend on how segmentations are sampled

    def learn(path: Path) -> None:
        rank_zero_log(f"learning a vocabulary of {type(unsampled).__name__.lower()} ...")
        unsampled.learn(lines())
        tokenizers.save(unsampled, path)

    read = partial(tokenizers.load, trust=[type(unsampled).__module__])
    learned = open_cached(f"tokenizers/{unsampled.cache_key()[:32]}-{content_hash}.json", learn, read)
    learned.sampling = tokenizer.sampling
    return learned


def load_given_tokenizer(path: str, side: str) -> Tokenizer:
    """Load a tokenizer that the options of training name: a file of `seq2seq tokenize`, or a side of a checkpoint.

    Of users' classes, those are trusted whose modules are imported: see `tokenizers.storage.imported_modules`.
    """
    if path.endswith(".ckpt"):
        return load_checkpoint_tokenizer(path, side)
    return tokenizers.load(path, imported_modules())


def check_restorable(tokenizer: Tokenizer) -> None:
    """Raise a UserError for a tokenizer whose class a checkpoint cannot name, such as one defined in a function."""
    kind = type(tokenizer)
    try:
        found = pkgutil.resolve_name(f"{kind.__module__}:{kind.__qualname__}")
    except (ValueError, ImportError, AttributeError):
        found = None
    if found is not kind or (is_builtin(kind) and kind.__name__ not in BUILTIN_CLASSES):
        raise UserError(
            f"a tokenizer must be of a class that can be imported by its path, so that a checkpoint can restore it, "
            f"and {kind.__module__}.{kind.__qualname__} cannot"
        )


def is_learned(tokenizer: Tokenizer) -> bool:
    """Return whether a tokenizer has a vocabulary."""
    try:
        return tokenizer.vocab_size > 0
    except ValueError:
        return False


def find_data_state(checkpoint: Any) -> dict[str, Any]:
    """Return the data module's state in a checkpoint: its tokenizers and the location of its corpus; else empty."""
    parts = checkpoint.values() if isinstance(checkpoint, dict) else ()
    return next((part for part in parts if isinstance(part, dict) and "tokenizers" in part), {})


def check_data_state(data_state: dict[str, Any]) -> None:
    """Raise a UserError unless a data module's state has tokenizers and a valid description of the corpus."""
    states = data_state["tokenizers"]
    if not (isinstance(states, dict) and isinstance(states.get("source"), dict)):
        raise UserError("it contains no source tokenizer")
    if not isinstance(states.get("target", {}), dict):
        raise UserError("it contains no target tokenizer")
    if not isinstance(corpus := data_state.get("corpus", {}), dict):
        raise UserError("its description of the corpus is invalid")
    for key, value in corpus.items():
        if not isinstance(value, str | float | int | None):
            raise UserError(f"its description of the corpus contains a {type(value).__name__} as {str(key)[:80]}")


def load_checkpoint_tokenizer(path: str | Path, side: str) -> Tokenizer:
    """Load the tokenizer of a side from a checkpoint for training; the source tokenizer if it has no other."""
    if not (data_state := find_data_state(checkpoint.load(path))):
        raise UserError(f"{path} contains no tokenizer, so it is no checkpoint of seq2seq")
    with prefix_errors(f"{path} cannot be used"):
        check_data_state(data_state)
        states = data_state["tokenizers"]
        return tokenizers.restore(states.get(side, states["source"]), imported_modules())


def check_resume_tokenizers(data_state: dict[str, Any], current: dict[str, Tokenizer]) -> None:
    """Raise a UserError unless the tokenizers of a checkpoint to resume from equal the current ones."""
    states = data_state.get("tokenizers", {})
    for side, tokenizer in current.items():
        if side not in states:
            raise UserError(f"cannot resume: the checkpoint contains no {side} tokenizer")
        kind = states[side].get("kind") if isinstance(states[side], dict) else None
        if kind not in (class_path(type(tokenizer)), *BUILTIN_CLASSES) and "." in str(kind):  # it needs no import
            raise UserError(
                f"cannot resume: the {side} tokenizer of the checkpoint is of the class {abbreviate(kind)}, and that "
                f"of this corpus is of the class {class_path(type(tokenizer))}"
            )
        with prefix_errors(f"cannot resume: the {side} tokenizer of the checkpoint is invalid"):
            saved = tokenizers.restore(states[side], [type(tokenizer).__module__])
        if saved != tokenizer:
            raise UserError(
                f"cannot resume: the {side} tokenizer of the checkpoint ({saved.vocab_size} tokens) is not the one of "
                f"this corpus ({tokenizer.vocab_size} tokens); give --init-from to start new training from its weights"
            )
