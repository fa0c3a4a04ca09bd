"""The tokenizer of a corpus: read from a file or a checkpoint, or learned once and kept."""

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock
from pytorch_lightning.utilities.rank_zero import rank_zero_info

from seq2seq import tokenizers
from seq2seq.data.cache import cache_folder
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
    if is_learned(tokenizer):
        return tokenizer
    path = cache_folder() / "tokenizers" / f"{tokenizer.fingerprint()[:32]}-{content}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            rank_zero_info(f"learning a vocabulary of {type(tokenizer).__name__.lower()} ...")
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                tokenizer.learn(lines())
            tokenizers.save(tokenizer, path)
    return tokenizers.load(path)


def is_learned(tokenizer: Tokenizer) -> bool:
    try:
        return tokenizer.vocab_size > 0
    except ValueError:
        return False


def from_checkpoint(path: str | Path, side: str) -> Tokenizer:
    """The tokenizer that a checkpoint carries."""
    import torch

    checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    if "tokenizers" not in checkpoint:
        raise ValueError(f"{path} carries no tokenizer, so that it is no checkpoint of seq2seq")
    held = checkpoint["tokenizers"]
    return tokenizers.restore(held.get(side, held["source"]))


def check_unchanged(checkpoint: dict[str, Any], mine: dict[str, Tokenizer]) -> None:
    """Raise a ValueError if a checkpoint that training goes on from was made with other tokenizers."""
    for side, tokenizer in mine.items():
        held = tokenizers.restore(checkpoint["tokenizers"][side])
        if held != tokenizer:
            raise ValueError(
                f"the {side} tokenizer of the checkpoint ({held.vocab_size} tokens) is not the one of this corpus "
                f"({tokenizer.vocab_size} tokens), so this training cannot go on; give --init-from to start anew from it"
            )
