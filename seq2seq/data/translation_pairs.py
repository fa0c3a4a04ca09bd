"""The pairs of a translator's split; without a validation split, some training pairs are held out."""

from collections.abc import Iterator
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, TypeAlias

from seq2seq.data.cache import Row
from seq2seq.data.corpora import RowFilter, is_part_of_training, load_pairs
from seq2seq.errors import UserError
from seq2seq.ranges import Range

if TYPE_CHECKING:
    from datasets import Dataset

HeldOutPairs: TypeAlias = Annotated[float, Range(0, 1, exclusive_maximum=True)]

_BATCH_ROWS = 1000
_HASH_RANGE = 1 << 32  # number of hash values


def translation_pairs(
    corpus: str,
    source: str,
    target: str,
    split: str,
    held_out: HeldOutPairs = 0.05,
    subset: str | None = None,
) -> "Dataset":
    """Return a split as a data set with the columns source and target.

    If the corpus has no validation split, some of its training pairs are the validation split and are removed from the
    training split. A hash of its source decides to which split a pair belongs, so the division does not depend on the
    process or the order of the pairs, and no source is in both splits.

    Args:
        corpus: A folder, a file, a glob, or a data set of the Hugging Face Hub.
        source: The column to translate from.
        target: The column to translate into.
        split: "train", "validation", "test" or another.
        held_out: Approximate share of the training pairs to hold out; 0 holds out none.
        subset: A folder inside the corpus folder, or a configuration of the Hub's data set.

    Raises:
        UserError: if there is no such split, or nothing is left of it.
    """
    if held_out == 0 or not is_part_of_training(corpus, split, [source, target], subset):
        return load_pairs(corpus, source, target, split, subset)
    row_filter = RowFilter(partial(_is_in_split, split=split, held_out=held_out), f"{split} {held_out}")
    pairs = load_pairs(corpus, source, target, "train", subset, row_filter)
    if not len(pairs):
        raise UserError(
            f"{corpus} has no validation split, and too few pairs to hold out {held_out} of them for that: name a "
            f"larger data.held_out, or 0 with --trainer.limit_val_batches 0"
        )
    return pairs


def column_lines(pairs: "Dataset", column: str) -> Iterator[str]:
    """Yield the lines of one column of a data set, with some of them in memory at a time."""
    return (line for rows in pairs.select_columns([column]).iter(_BATCH_ROWS) for line in rows[column])


def _is_in_split(pair: Row, split: str, held_out: float) -> bool:
    return is_held_out(pair[0], held_out) == (split == "validation")


def is_held_out(source: str, share: float) -> bool:
    """Return whether the pairs with this source are held out."""
    digest = blake2b(source.encode("utf-8", errors="surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "big") < share * _HASH_RANGE
