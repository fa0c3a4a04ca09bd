"""What was read once is kept, under a hash of the content it was read from."""

from collections.abc import Iterable, Sequence
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from seq2seq.data.text import open_file
from seq2seq.storage import open_cached

if TYPE_CHECKING:
    from datasets import Dataset

Row: TypeAlias = tuple[str, ...]

_ROWS_AT_ONCE = 10_000
_CHARACTERS_AT_ONCE = 1 << 20


def content_hash(*paths: str | Path, salt: object = "") -> str:
    """Hash what files hold, in their order, whatever their names and dates, together with the `repr` of `salt`."""
    total = blake2b(repr(salt).encode(), digest_size=16)
    for path in paths:
        one = blake2b()
        with open_file(path) as file:
            while chunk := file.read(1 << 20):
                one.update(chunk)
        total.update(one.digest())
    return total.hexdigest()


def cached_dataset(rows: Iterable[Row], columns: Sequence[str], key: str) -> "Dataset":
    """Open the memory-mapped data set that is kept under `key`, written from `rows` if it is not there yet.

    Args:
        rows: strings for `columns`; not touched if the data set is there.
        key: a hash of all that `rows` depend on.
    """
    dataset = open_cached(f"corpora/{key}.arrow", partial(_write, rows, columns), open_arrow)
    dataset._fingerprint = key  # or `datasets` draws a random one, and nothing made from this is found again
    return dataset


def open_arrow(path: Path) -> "Dataset":
    """Open a file of Arrow as a data set, memory-mapped."""
    from datasets import Dataset

    return Dataset.from_file(str(path))


def _write(rows: Iterable[Row], columns: Sequence[str], path: Path) -> None:
    import pyarrow

    schema = pyarrow.schema([(column, pyarrow.string()) for column in columns])
    with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_stream(file, schema) as writer:
        waiting: list[Row] = []
        characters = 0

        def flush() -> None:
            arrays = [pyarrow.array(values, pyarrow.string()) for values in zip(*waiting, strict=True)]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))
            waiting.clear()

        for row in rows:
            waiting.append(row)
            characters += sum(map(len, row))
            if len(waiting) >= _ROWS_AT_ONCE or characters >= _CHARACTERS_AT_ONCE:
                flush()
                characters = 0
        if waiting:
            flush()
