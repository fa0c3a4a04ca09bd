"""The pairs of a split for a translator; without a validation split, some are held out of the training pairs."""

from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, TypeAlias

from seq2seq.data.cache import Row
from seq2seq.data.corpora import Part, has_split, load_pairs
from seq2seq.errors import UserError
from seq2seq.ranges import Range

if TYPE_CHECKING:
    from datasets import Dataset

HeldOutPairs: TypeAlias = Annotated[float, Range(0, 1, below=True)]

_DRAWN = 1 << 32  # numbers that a hash is mapped to


def translation_pairs(
    corpus: str,
    source: str,
    target: str,
    split: str,
    held_out: float = 0.05,
    subset: str | None = None,
) -> "Dataset":
    """Return a split as a data set with the columns source and target.

    Where the corpus has no validation split, a part of its training pairs is the validation split and no longer part of
    the training split. Which part a pair belongs to is decided by a hash of its source alone, so that it is the same in
    every process and after every change of the order, and no source lies in both.

    Args:
        corpus: A folder, a file, a glob, or a data set of the Hugging Face Hub.
        source: The column to translate from.
        target: The column to translate into.
        split: "train", "validation", "test" or another.
        held_out: Share of the training pairs that is held out, about; 0 holds out none.
        subset: Configuration of the Hub's data set.

    Raises:
        UserError: if there is no such split, or nothing is left of it.
    """
    held = held_out > 0 and split in ("train", "validation")
    if not held or has_split(corpus, "validation", [source, target], subset):
        return load_pairs(corpus, source, target, split, subset)
    keep = Part(partial(_belongs, held_out=held_out, to=split), f"{split} {held_out}")
    pairs = load_pairs(corpus, source, target, "train", subset, keep)
    if not len(pairs):
        raise UserError(
            f"{corpus} has no validation split, and too few pairs to hold out {held_out} of them for that: name a "
            f"larger data.held_out, or 0 with --trainer.limit_val_batches 0"
        )
    return pairs


def _belongs(pair: Row, held_out: float, to: str) -> bool:
    return is_held_out(pair[0], held_out) == (to == "validation")


def is_held_out(source: str, share: float) -> bool:
    """Whether the pairs with this source belong to the part that is held out."""
    digest = blake2b(source.encode("utf-8", errors="surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "big") < share * _DRAWN
