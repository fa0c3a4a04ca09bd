"""Reading corpora, from files or from the Hugging Face Hub, as memory-mapped data sets that are cached by content.

A source is, in this order:

- a folder with a file for each split: `train.de` and `train.en` side by side, or one file that ends in `.tsv`,
  `.jsonl`, `.json` (one object a line), `.parquet` or `.txt`, or several that are numbered, as `train-00.parquet`.
  Validation may also be called `val`, `valid` or `dev`; any other split goes by its own name. A folder without any
  split is read by language models whole: every text file below it, in the order of the names.
- a file or a glob, which serves the split "train".
- the name of a data set on the Hub.

A table's columns go by their names, or lie in one column `translation`. Tab-separated values without a first line of
names go by position, from "0". To language models a file with another ending is plain text.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from seq2seq.data.cache import Row, cached_dataset, content_hash
from seq2seq.data.corpus_files import local_parts, missing_split
from seq2seq.data.formats import dataset_rows, read_text
from seq2seq.data.hub import hub_has_split, hub_split
from seq2seq.data.text import read_lines, without_line_end
from seq2seq.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = ["content_hash", "first_split", "has_split", "load_pairs", "load_texts", "read_lines"]

_VERSION = 1  # of what the functions below make of a content: part of the cache's keys


def has_split(source: str, split: str, columns: Sequence[str], subset: str | None = None) -> bool:
    """Whether a source has a split; raises if there is no such source.

    Args:
        columns: `[column]` for a language model, `[source_language, target_language]` for a translator.
    """
    parts = local_parts(source, split, columns, subset)
    return hub_has_split(source, split, subset) if parts is None else bool(parts)


def first_split(source: str, columns: Sequence[str], subset: str | None = None) -> str | None:
    """Return the split that a model is scored on: the first of test and validation that a source has."""
    return next((split for split in ("test", "validation") if has_split(source, split, columns, subset)), None)


def load_texts(source: str, split: str = "train", subset: str | None = None, column: str = "text") -> "Dataset":
    """Load the text of a corpus for a language model, as one column "text" of pieces whose concatenation it is.

    A text file comes exactly, in blocks of whole lines of up to 64 KiB; only a missing line end before another file is
    added. A row of a table is a document, and gets a line end if it has none.

    Args:
        source: a folder, a file, a glob, or a data set's name on the Hugging Face Hub.
        split: "train", "validation", "test" or another.
        subset: a folder inside the folder, or a configuration of the Hub's data set.
        column: the column that holds the text, in formats that have columns.
    """
    corpus = _open(source, split, [column], subset)
    return _dataset(_joined(corpus.tables), ["text"], corpus)


class Part(NamedTuple):
    """Some rows of a split: a function that picks them, and a name that tells it from every other."""

    holds: Callable[[Row], bool]
    name: str


def load_pairs(
    source: str,
    source_language: str,
    target_language: str,
    split: str = "train",
    subset: str | None = None,
    part: Part | None = None,
) -> "Dataset":
    """Load the pairs of a corpus for a translator, as two columns "source" and "target" without line ends.

    Args:
        source: a folder, a file, a glob, or a data set's name on the Hugging Face Hub.
        source_language: the column to translate from, which is also the ending of parallel files.
        target_language: the column to translate into.
        split: "train", "validation", "test" or another.
        subset: a folder inside the folder, or a configuration of the Hub's data set.
        part: which of the split's pairs are meant, perhaps none; all by default.
    """
    corpus = _open(source, split, [source_language, target_language], subset)
    pairs: Iterator[Row] = (tuple(map(without_line_end, row)) for table in corpus.tables for row in table.rows)
    return _dataset(pairs, ["source", "target"], corpus, part)


class _Table(NamedTuple):
    """Rows of one origin: pieces of one text, or documents or pairs of their own."""

    rows: Iterator[Row]
    is_text: bool


class _Corpus(NamedTuple):
    """What holds a split: its tables, not read yet, a hash of all that they hold, and its name for a reader."""

    tables: list[_Table]
    key: str
    name: str


def _open(source: str, split: str, columns: Sequence[str], subset: str | None) -> _Corpus:
    name = f"the split {split!r} of {source}" + (f", {subset}" if subset else "")
    parts = local_parts(source, split, columns, subset)
    if parts is None:
        dataset = hub_split(source, split, subset)
        if dataset is None:
            raise UserError(f"{source} on the Hugging Face Hub has no split {split!r}")
        return _Corpus(
            [_Table(dataset_rows(dataset, columns, source), False)],
            content_hash(salt=(dataset._fingerprint, *columns)),
            name,
        )
    if not parts:
        raise UserError(missing_split(source, split, columns, subset))
    paths = [path for part in parts for path in part.paths]
    readers = [(part.read.__name__, len(part.paths)) for part in parts]
    tables = [_Table(part.read(part.paths, columns), part.read is read_text) for part in parts]
    return _Corpus(tables, content_hash(*paths, salt=(readers, *columns)), name)


def _joined(tables: Iterable[_Table]) -> Iterator[Row]:
    ended = True
    for table in tables:
        if not ended:
            yield ("\n",)  # or the last word of a file and the first of the next would be one
        for (text,) in table.rows:
            ended = text.endswith("\n")
            if not ended and not table.is_text:
                text, ended = text + "\n", True
            yield (text,)


def _dataset(rows: Iterable[Row], columns: Sequence[str], corpus: _Corpus, part: Part | None = None) -> "Dataset":
    key = content_hash(salt=(_VERSION, *columns, corpus.key, *([] if part is None else [part.name])))
    dataset = cached_dataset(rows if part is None else filter(part.holds, rows), columns, key)
    if len(dataset) == 0 and part is None:
        raise UserError(f"{corpus.name} is empty")
    return dataset
