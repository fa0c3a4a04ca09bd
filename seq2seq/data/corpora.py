"""Read corpora from files or the Hugging Face Hub as memory-mapped data sets, cached by content.

A source is one of the following, tried in this order:

- a folder with files for each split: parallel files `train.de` and `train.en`, one file that ends in `.tsv`, `.jsonl`,
  `.json` (one object per line), `.parquet` or `.txt`, or numbered shards such as `train-00.parquet`. Validation may
  also be called `val`, `valid` or `dev`; other splits have one name only. Of a folder without splits, a language model
  reads every text file, sorted by name.
- a file or a glob, which has the split "train" only.
- the name of a data set on the Hub.

A table has named columns, or one column `translation` that holds them. Columns of tab-separated values without a header
are named by position, from "0". Language models read a file with any other suffix as plain text.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from seq2seq.data.cache import Row, cached_dataset, content_hash
from seq2seq.data.corpus_files import explain_missing_split, find_split_files
from seq2seq.data.formats import dataset_rows, read_text
from seq2seq.data.hub import hub_has_split, load_hub_split
from seq2seq.data.text import read_lines, without_line_end
from seq2seq.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = [
    "content_hash",
    "evaluation_split",
    "has_split",
    "is_part_of_training",
    "load_pairs",
    "load_texts",
    "read_lines",
]

_VERSION = 1  # of how the functions below turn content into rows: part of the cache keys


def has_split(source: str, split: str, columns: Sequence[str], subset: str | None = None) -> bool:
    """Return whether a source has a split. Raises a UserError if there is no such source.

    Args:
        columns: `[column]` for a language model, `[source_language, target_language]` for a translator.
    """
    files = find_split_files(source, split, columns, subset)
    return hub_has_split(source, split, subset) if files is None else bool(files)


def is_part_of_training(source: str, split: str, columns: Sequence[str], subset: str | None = None) -> bool:
    """Return whether a split is a part of the training split, since the source has no validation split of its own."""
    return split in ("train", "validation") and not has_split(source, "validation", columns, subset)


def evaluation_split(source: str, columns: Sequence[str], subset: str | None = None) -> str | None:
    """Return the split to evaluate on: test if the source has it, else validation, or None without both."""
    return next((split for split in ("test", "validation") if has_split(source, split, columns, subset)), None)


def load_texts(source: str, split: str = "train", subset: str | None = None, column: str = "text") -> "Dataset":
    """Load the text of a corpus for a language model as one column "text" of blocks, to be concatenated.

    A text file is unchanged, in blocks of whole lines of up to 64 KiB; only a missing line end before another file is
    added. A row of a table is a document and gets a line end if it has none.

    Args:
        source: A folder, a file, a glob, or the name of a data set on the Hugging Face Hub.
        split: "train", "validation", "test" or another.
        subset: A folder inside the folder, or a configuration of the Hub's data set.
        column: The column that holds the text, in formats that have columns.
    """
    corpus_split = _open_split(source, split, [column], subset)
    return _open_rows(_join_texts(corpus_split.tables), ["text"], corpus_split)


class RowFilter(NamedTuple):
    """A predicate that keeps some rows of a split, and its unique name for the cache key."""

    keep: Callable[[Row], bool]
    name: str


def load_pairs(
    source: str,
    source_language: str,
    target_language: str,
    split: str = "train",
    subset: str | None = None,
    row_filter: RowFilter | None = None,
) -> "Dataset":
    """Load the pairs of a corpus for a translator as two columns "source" and "target", without line ends.

    Args:
        source: A folder, a file, a glob, or the name of a data set on the Hugging Face Hub.
        source_language: The column to translate from, which is also the suffix of parallel files.
        target_language: The column to translate into.
        split: "train", "validation", "test" or another.
        subset: A folder inside the folder, or a configuration of the Hub's data set.
        row_filter: Keeps some of the pairs, possibly none; by default all are kept.
    """
    corpus_split = _open_split(source, split, [source_language, target_language], subset)
    pairs: Iterator[Row] = (tuple(map(without_line_end, row)) for table in corpus_split.tables for row in table.rows)
    return _open_rows(pairs, ["source", "target"], corpus_split, row_filter)


class _Table(NamedTuple):
    """Rows of one origin: blocks of one text, or separate documents or pairs."""

    rows: Iterator[Row]
    is_text: bool


class _CorpusSplit(NamedTuple):
    """A split: its tables, not read yet, a hash of their content, and a name for error messages."""

    tables: list[_Table]
    key: str
    name: str


def _open_split(source: str, split: str, columns: Sequence[str], subset: str | None) -> _CorpusSplit:
    name = f"the split {split!r} of {source}" + (f", {subset}" if subset else "")
    groups = find_split_files(source, split, columns, subset)
    if groups is None:
        dataset = load_hub_split(source, split, subset)
        if dataset is None:
            raise UserError(f"{source} on the Hugging Face Hub has no split {split!r}")
        return _CorpusSplit(
            [_Table(dataset_rows(dataset, columns, source), False)],
            content_hash(salt=(dataset._fingerprint, *columns)),
            name,
        )
    if not groups:
        raise UserError(explain_missing_split(source, split, columns, subset))
    paths = [path for group in groups for path in group.paths]
    readers = [(group.read.__name__, len(group.paths)) for group in groups]  # part of the cache key
    tables = [_Table(group.read(group.paths, columns), group.read is read_text) for group in groups]
    return _CorpusSplit(tables, content_hash(*paths, salt=(readers, *columns)), name)


def _join_texts(tables: Iterable[_Table]) -> Iterator[Row]:
    ends_line = True
    for table in tables:
        if not ends_line:
            yield ("\n",)  # or the last word of a file and the first of the next would be joined
        for (text,) in table.rows:
            ends_line = text.endswith("\n")
            if not ends_line and not table.is_text:
                text, ends_line = text + "\n", True
            yield (text,)


def _open_rows(
    rows: Iterable[Row], columns: Sequence[str], corpus_split: _CorpusSplit, row_filter: RowFilter | None = None
) -> "Dataset":
    filter_name = [] if row_filter is None else [row_filter.name]
    key = content_hash(salt=(_VERSION, *columns, corpus_split.key, *filter_name))
    dataset = cached_dataset(rows if row_filter is None else filter(row_filter.keep, rows), columns, key)
    if len(dataset) == 0 and row_filter is None:
        raise UserError(f"{corpus_split.name} is empty")
    return dataset
