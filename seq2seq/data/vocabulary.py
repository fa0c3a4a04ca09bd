"""The tokenizer of a corpus: read from a file or a checkpoint, or learned once and kept."""

from collections.abc import Callable, Iterable
from copy import copy
from pathlib import Path
from typing import Any

from seq2seq import checkpoint, tokenizers
from seq2seq.errors import UserError
from seq2seq.rank_zero import rank_zero_log
from seq2seq.storage import open_cached
from seq2seq.tokenizers import Tokenizer


def open_tokenizer(
    tokenizer: Tokenizer | str, lines: Callable[[], Iterable[str]], content: str, side: str = "source"
) -> Tokenizer:
    """A tokenizer that is ready for use.

    Args:
        tokenizer: One to learn, or the path of a file that `seq2seq tokenize` wrote, or of a checkpoint.
        lines: What it is learned from.
        content: A hash of these lines, under which what was learned is kept.
        side: Whose tokenizer is meant, if a checkpoint holds two: "source" or "target".
    """
    if isinstance(tokenizer, str):
        return from_checkpoint(tokenizer, side) if tokenizer.endswith(".ckpt") else tokenizers.load(tokenizer)
    check_restorable(tokenizer)
    if is_learned(tokenizer):
        return tokenizer
    plain = copy(tokenizer)
    plain.sampling = 0.0  # how words are cut in training changes nothing about what is learned

    def learn(path: Path) -> None:
        rank_zero_log(f"learning a vocabulary of {type(plain).__name__.lower()} ...")
        plain.learn(lines())
        tokenizers.save(plain, path)

    learned = open_cached(f"tokenizers/{plain.fingerprint()[:32]}-{content}.json", learn, tokenizers.load)
    learned.sampling = tokenizer.sampling
    return learned


def check_restorable(tokenizer: Tokenizer) -> None:
    """Raise a UserError for a tokenizer of a class of one's own, in whose place a checkpoint would give another one."""
    kind = type(tokenizer)
    if getattr(tokenizers, kind.__name__, None) is not kind:
        raise UserError(
            f"a tokenizer must be one of Bytes, Characters, Subwords, Words, which a checkpoint can hold, and "
            f"{kind.__module__}.{kind.__qualname__} is none of them"
        )


def is_learned(tokenizer: Tokenizer) -> bool:
    try:
        return tokenizer.vocab_size > 0
    except ValueError:
        return False


def data_of(checkpoint: Any) -> dict[str, Any]:
    """What the data of a training left in its checkpoint: its tokenizers and where its corpus was; empty if nothing."""
    parts = checkpoint.values() if isinstance(checkpoint, dict) else ()
    return next((part for part in parts if isinstance(part, dict) and "tokenizers" in part), {})


def from_checkpoint(path: str | Path, side: str) -> Tokenizer:
    """The tokenizer that a checkpoint carries."""
    if not (data := data_of(checkpoint.load(path))):
        raise UserError(f"{path} carries no tokenizer, so that it is no checkpoint of seq2seq")
    held = data["tokenizers"]
    return tokenizers.restore(held.get(side, held["source"]))


def check_unchanged(data: dict[str, Any], mine: dict[str, Tokenizer]) -> None:
    """Raise a ValueError if a checkpoint that training goes on from was made with other tokenizers."""
    held = data.get("tokenizers", {})
    for side, tokenizer in mine.items():
        if side not in held:
            raise UserError(f"the checkpoint carries no {side} tokenizer, so this training cannot go on from it")
        other = tokenizers.restore(held[side])
        if other != tokenizer:
            raise UserError(
                f"the {side} tokenizer of the checkpoint ({other.vocab_size} tokens) is not the one of this corpus "
                f"({tokenizer.vocab_size} tokens), so this training cannot go on; "
                f"give --init-from to start anew from it"
            )
