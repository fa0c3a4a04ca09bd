"""The text of a language model's split; without a validation split, the end of the training text is held out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeAlias

import numpy as np

from seq2seq.data.corpora import is_part_of_training, load_texts
from seq2seq.errors import UserError
from seq2seq.ranges import Range, checked

if TYPE_CHECKING:
    from datasets import Dataset

HeldOut: TypeAlias = Annotated[float, Range(0, 1, exclusive_minimum=True, exclusive_maximum=True)]

_SHIFT_DIVISOR = 10  # a cut moves to the next line end if that takes at most 1/10 of the held-out text


@dataclass(frozen=True)
class TextBlocks:
    """A text or a part of one, iterated block by block, any number of times.

    Args:
        blocks: A data set whose column "text" contains the blocks.
        content_hash: A hash of the text.
        start: Index in the first block at which the text starts.
        end: Index in the last block at which the text ends; None for the end of the block.
    """

    blocks: "Dataset"
    content_hash: str
    start: int = 0
    end: int | None = None

    def __iter__(self) -> Iterator[str]:
        last = len(self.blocks) - 1
        for index, row in enumerate(self.blocks):
            block: str = row["text"]
            yield block[0 if index else self.start : self.end if index == last else None]


@checked
def language_text(
    corpus: str, split: str, held_out: HeldOut = 0.1, subset: str | None = None, column: str = "text"
) -> TextBlocks:
    """Return the text of a split.

    If the corpus has no validation split, the end of its training text is the validation text and is removed from the
    training text. The cut is after the end of a line if one is near.

    Args:
        corpus: A folder, a file, a glob, or a data set of the Hugging Face Hub.
        split: "train", "validation", "test" or another.
        held_out: Share of the training text's characters to hold out.
        subset: A folder inside the corpus folder, or a configuration of the Hub's data set.
        column: Column that contains the text, in formats that have columns.

    Raises:
        UserError: if there is no such split, or if it is empty.
    """
    is_cut = is_part_of_training(corpus, split, [column], subset)
    blocks = load_texts(corpus, "train" if is_cut else split, subset, column)
    if not is_cut:
        return TextBlocks(blocks, blocks._fingerprint)
    block, offset = _find_cut(blocks, held_out, corpus)
    content_hash = f"{blocks._fingerprint}-{block}-{offset}-{split}"
    if split == "train":
        return TextBlocks(blocks.select(range(block + 1)), content_hash, end=offset)
    return TextBlocks(blocks.select(range(block, len(blocks))), content_hash, start=offset)


def _find_cut(blocks: "Dataset", held_out: float, corpus: str) -> tuple[int, int]:
    """Return where the held-out text starts: the index of a block and of a character in it."""
    import pyarrow.compute

    block_ends = pyarrow.compute.utf8_length(blocks.data.column("text")).to_numpy().cumsum(dtype=np.int64)
    characters = int(block_ends[-1])
    cut = int(characters * (1 - held_out))
    if not 0 < cut < characters:
        raise UserError(
            f"{corpus} has no validation split, and its {characters:,} characters are too few to keep {held_out} of "
            f"them for that"
        )
    block = int(block_ends.searchsorted(cut, side="right"))
    offset = cut - (int(block_ends[block - 1]) if block else 0)
    next_line = blocks[block]["text"].find("\n", offset - 1) + 1 if offset else 0
    return block, next_line if 0 < next_line - offset <= (characters - cut) // _SHIFT_DIVISOR else offset
