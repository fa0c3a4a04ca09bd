"""A cache of memory-mapped data sets, keyed by a hash of the content that they were read from."""

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

_BATCH_ROWS = 10_000
_BATCH_CHARACTERS = 1 << 20


def content_hash(*paths: str | Path, salt: object = "") -> str:
    """Hash the contents of files, in their order, together with the `repr` of `salt`; names and dates do not matter."""
    combined = blake2b(repr(salt).encode(), digest_size=16)
    for path in paths:
        file_hash = blake2b()
        with open_file(path) as file:
            while chunk := file.read(1 << 20):
                file_hash.update(chunk)
        combined.update(file_hash.digest())
    return combined.hexdigest()


def cached_dataset(rows: Iterable[Row], columns: Sequence[str], key: str) -> "Dataset":
    """Open the memory-mapped data set that is cached under `key`, after writing it from `rows` if it is missing.

    Args:
        rows: The strings of `columns`; not iterated if the data set is cached.
        key: A hash of everything that `rows` depends on.
    """
    dataset = open_cached(f"corpora/{key}.arrow", partial(_write, rows, columns), open_arrow)
    dataset._fingerprint = key  # or `datasets` draws a random one, and nothing derived from it is found in its cache
    return dataset


def open_arrow(path: Path) -> "Dataset":
    """Open an Arrow file as a memory-mapped data set."""
    from datasets import Dataset

    return Dataset.from_file(str(path))


def _write(rows: Iterable[Row], columns: Sequence[str], path: Path) -> None:
    import pyarrow

    schema = pyarrow.schema([(column, pyarrow.string()) for column in columns])
    with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_stream(file, schema) as writer:
        pending: list[Row] = []
        characters = 0

        def flush() -> None:
            arrays = [pyarrow.array(values, pyarrow.string()) for values in zip(*pending, strict=True)]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))
            pending.clear()

        for row in rows:
            pending.append(row)
            characters += sum(map(len, row))
            if len(pending) >= _BATCH_ROWS or characters >= _BATCH_CHARACTERS:
                flush()
                characters = 0
        if pending:
            flush()
