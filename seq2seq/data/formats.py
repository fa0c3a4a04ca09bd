"""Rows of strings from files: parallel text, tab-separated values, JSON lines and Parquet."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seq2seq.data.cache import Row
from seq2seq.data.text import read_blocks, read_lines
from seq2seq.errors import UserError

if TYPE_CHECKING:
    from datasets import Dataset


def read_text(paths: Sequence[Path], columns: Sequence[str]) -> Iterator[Row]:
    """Yield a text file's blocks of whole lines; it has no columns."""
    (path,) = paths
    return ((block,) for block in read_blocks(path))


def read_parallel(paths: Sequence[Path], columns: Sequence[str]) -> Iterator[Row]:
    """Yield the lines of several files side by side; all must have equally many."""
    for row in zip_longest(*map(read_lines, paths)):
        if None in row:
            counts = [f"{path} has {sum(1 for _ in read_lines(path))}" for path in paths]
            raise UserError(f"parallel files must have equally many lines, but {' and '.join(counts)}")
        yield row


def read_tab_separated(paths: Sequence[Path], columns: Sequence[str]) -> Iterator[Row]:
    """Yield columns of tab-separated lines, in which neither quotes nor words like NA mean anything.

    A first line that holds the names of the columns is a header. Without one, columns are named by position, from
    "0": the order of languages in a file is not to be guessed, since a wrong guess trains the wrong direction.
    """
    (path,) = paths
    places: list[int] = []
    for number, line in enumerate(read_lines(path), start=1):
        values = line.split("\t")
        if number == 1:
            width = len(values)
            if set(columns) <= set(values):
                places = [values.index(column) for column in columns]
                continue
            places = _positions(columns, width, path)
        if len(values) != width:
            raise UserError(f"{path}, line {number} must have {width - 1} tabs as line 1 has, not {len(values) - 1}")
        yield tuple(values[place] for place in places)


def read_json_lines(paths: Sequence[Path], columns: Sequence[str]) -> Iterator[Row]:
    """Yield columns of a file that holds one JSON object a line."""
    (path,) = paths
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:  # the latter where it is nested without end
            raise UserError(f"{where} must be a JSON object, but it is not JSON: {one_line(error)}") from None
        if not isinstance(found, dict):
            raise UserError(f"{where} must be a JSON object, not {_kind(found)}")
        yield _pick(found, columns, where)


def read_parquet(paths: Sequence[Path], columns: Sequence[str]) -> Iterator[Row]:
    """Yield columns of a Parquet file."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    (path,) = paths
    try:
        with ParquetFile(path) as file:
            wanted = _needed(file.schema_arrow.names, columns, str(path))
            batches = file.iter_batches(batch_size=1000, columns=wanted)
            found = chain.from_iterable(batch.to_pylist() for batch in batches)
            for number, row in enumerate(found, start=1):
                yield _pick(row, columns, f"{path}, row {number}")
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path} is not a Parquet file: {one_line(error)}") from error


def dataset_rows(dataset: "Dataset", columns: Sequence[str], name: str) -> Iterator[Row]:
    """Yield columns of a data set."""
    wanted = dataset.select_columns(_needed(dataset.column_names, columns, name)).with_format("arrow")
    found = chain.from_iterable(table.to_pylist() for table in wanted.iter(batch_size=1000))
    for number, row in enumerate(found, start=1):
        yield _pick(row, columns, f"{name}, row {number}")


def _needed(present: Sequence[str], columns: Sequence[str], name: str) -> list[str]:
    """The top columns that hold `columns`, which are there under their own names or inside `translation`."""
    if set(columns) <= set(present):
        return list(dict.fromkeys(columns))
    if "translation" in present:
        return ["translation"]
    absent = next(column for column in columns if column not in present)
    raise UserError(f"{name} has no column {absent!r}; it has {_listed(present)}")


def _pick(found: Mapping[str, Any], columns: Sequence[str], where: str) -> Row:
    """Take strings from one row, or from the mapping that it holds under `translation`."""
    inner = found.get("translation")
    if isinstance(inner, dict) and not set(columns) <= set(found):
        found = inner
    for column in columns:
        if column not in found:
            raise UserError(f"{where} has no column {column!r}; it has {_listed(found)}")
        value = found[column]
        if not isinstance(value, str):
            raise UserError(f"{where} must have a string in column {column!r}, not {_kind(value)}")
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise UserError(f"{where} has half a character (a lone surrogate) in column {column!r}")
    return tuple(found[column] for column in columns)


def one_line(error: BaseException) -> str:
    """What an error says, on one line of bounded length without a full stop."""
    words = " ".join(str(error).split()).rstrip(".")
    return words if len(words) <= 300 else words[:300] + " ..."


def _positions(columns: Sequence[str], width: int, path: Path) -> list[int]:
    if not all(column.isdecimal() for column in columns):
        raise UserError(
            f"line 1 of {path} does not name the columns {_listed(columns)}: "
            f'add such a line, or name columns by their position, "0" for the first'
        )
    places = [int(column) for column in columns]
    if max(places) >= width:
        raise UserError(f"{path}, line 1 has {width} columns, so position {max(places)} must be below {width}")
    return places


def _kind(value: object) -> str:
    names = {type(None): "null", bool: "a truth value", int: "a number", float: "a number", list: "a list"}
    return names.get(type(value), "an object" if isinstance(value, dict) else "a string")


def _listed(names: Any) -> str:
    return ", ".join(map(str, names)) or "none"
