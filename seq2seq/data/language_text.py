"""The text of a split for a language model; without a validation split, its end is held out of the training text."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeAlias

import numpy as np

from seq2seq.data.corpora import has_split, load_texts
from seq2seq.errors import UserError
from seq2seq.ranges import Range, checked

if TYPE_CHECKING:
    from datasets import Dataset

HeldOut: TypeAlias = Annotated[float, Range(0, 1, above=True, below=True)]

_SLACK = 10  # a cut moves to the next end of a line if it leaves out no more than this part of what is behind it


@dataclass(frozen=True)
class Text:
    """A text or a part of it, read block by block, as often as it is iterated.

    Args:
        rows: A data set whose column "text" has the blocks.
        content: A hash of what it holds.
        skipped: Characters of the first block that do not belong to it.
        kept: Characters of the last block that belong to it; all by default.
    """

    rows: "Dataset"
    content: str
    skipped: int = 0
    kept: int | None = None

    def __iter__(self) -> Iterator[str]:
        last = len(self.rows) - 1
        for number, row in enumerate(self.rows):
            block: str = row["text"]
            yield block[0 if number else self.skipped : self.kept if number == last else None]


@checked
def language_text(
    corpus: str, split: str, held_out: HeldOut = 0.1, subset: str | None = None, column: str = "text"
) -> Text:
    """Return the text of a split.

    Where the corpus has no validation split, the end of its training text is the validation text and no longer part of
    the training text. The cut is made in the text, behind the end of a line if there is one near.

    Args:
        corpus: A folder, a file, a glob, or a data set of the Hugging Face Hub.
        split: "train", "validation", "test" or another.
        held_out: Share of the training text's characters that is held out.
        subset: Configuration of the Hub's data set.
        column: Column that holds the text, in formats that have columns.

    Raises:
        UserError: if there is no such split, or if it is empty.
    """
    cut = split in ("train", "validation") and not has_split(corpus, "validation", [column], subset)
    rows = load_texts(corpus, "train" if cut else split, subset, column)
    if not cut:
        return Text(rows, rows._fingerprint)
    block, characters = _place(rows, held_out, corpus)
    content = f"{rows._fingerprint}-{block}-{characters}-{split}"
    if split == "train":
        return Text(rows.select(range(block + 1)), content, kept=characters)
    return Text(rows.select(range(block, len(rows))), content, skipped=characters)


def _place(rows: "Dataset", held_out: float, corpus: str) -> tuple[int, int]:
    """Return where the end begins: the number of a block, and of characters in it that stand before."""
    import pyarrow.compute

    ends = pyarrow.compute.utf8_length(rows.data.column("text")).to_numpy().cumsum(dtype=np.int64)
    characters = int(ends[-1])
    before = int(characters * (1 - held_out))
    if not 0 < before < characters:
        raise UserError(
            f"{corpus} has no validation split, and its {characters:,} characters are too few to keep {held_out} of "
            f"them for that"
        )
    block = int(ends.searchsorted(before, side="right"))
    within = before - (int(ends[block - 1]) if block else 0)
    line = rows[block]["text"].find("\n", within - 1) + 1 if within else 0
    return block, line if 0 < line - within <= (characters - before) // _SLACK else within
