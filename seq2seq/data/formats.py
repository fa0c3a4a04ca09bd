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
    """Yield blocks of whole lines of a text file, which has no columns."""
    (path,) = paths
    return ((block,) for block in read_blocks(path))


def read_parallel(paths: Sequence[Path], columns: Sequence[str]) -> Iterator[Row]:
    """Yield aligned lines of parallel files, which must have equally many."""
    for row in zip_longest(*map(read_lines, paths)):
        if None in row:
            counts = [f"{path} has {sum(1 for _ in read_lines(path))}" for path in paths]
            raise UserError(f"parallel files must have equally many lines, but {' and '.join(counts)}")
        yield row


def read_tab_separated(paths: Sequence[Path], columns: Sequence[str]) -> Iterator[Row]:
    """Yield columns of tab-separated lines, without quoting or null values such as NA.

    A first line that contains the column names is a header. Without one, columns are named by position, from "0":
    guessing the order of the languages could train the wrong direction.
    """
    (path,) = paths
    positions: list[int] = []
    for number, line in enumerate(read_lines(path), start=1):
        values = line.split("\t")
        if number == 1:
            width = len(values)
            if set(columns) <= set(values):
                positions = [values.index(column) for column in columns]
                continue
            positions = _column_positions(columns, width, path)
        if len(values) != width:
            raise UserError(f"{path}, line {number} must have {width - 1} tabs as line 1 has, not {len(values) - 1}")
        yield tuple(values[position] for position in positions)


def read_json_lines(paths: Sequence[Path], columns: Sequence[str]) -> Iterator[Row]:
    """Yield columns of a file with one JSON object per line."""
    (path,) = paths
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:  # RecursionError if it is nested too deeply
            raise UserError(f"{where} must be a JSON object, but it is not JSON: {format_error(error)}") from None
        if not isinstance(value, dict):
            raise UserError(f"{where} must be a JSON object, not {_json_type(value)}")
        yield _select_columns(value, columns, where)


def read_parquet(paths: Sequence[Path], columns: Sequence[str]) -> Iterator[Row]:
    """Yield columns of a Parquet file."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    (path,) = paths
    try:
        with ParquetFile(path) as file:
            needed = _columns_to_read(file.schema_arrow.names, columns, str(path))
            batches = file.iter_batches(batch_size=1000, columns=needed)
            rows = chain.from_iterable(batch.to_pylist() for batch in batches)
            for number, row in enumerate(rows, start=1):
                yield _select_columns(row, columns, f"{path}, row {number}")
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path} is not a Parquet file: {format_error(error)}") from error


def dataset_rows(dataset: "Dataset", columns: Sequence[str], name: str) -> Iterator[Row]:
    """Yield columns of a data set."""
    selected = dataset.select_columns(_columns_to_read(dataset.column_names, columns, name)).with_format("arrow")
    rows = chain.from_iterable(table.to_pylist() for table in selected.iter(batch_size=1000))
    for number, row in enumerate(rows, start=1):
        yield _select_columns(row, columns, f"{name}, row {number}")


def _columns_to_read(present: Sequence[str], columns: Sequence[str], name: str) -> list[str]:
    """Return the top-level columns that contain `columns`, under their own names or nested in `translation`."""
    if set(columns) <= set(present):
        return list(dict.fromkeys(columns))
    if "translation" in present:
        return ["translation"]
    missing = next(column for column in columns if column not in present)
    raise UserError(f"{name} has no column {missing!r}; it has {_join_names(present)}")


def _select_columns(row: Mapping[str, Any], columns: Sequence[str], where: str) -> Row:
    """Return the strings of some columns of a row, which may be nested in its column `translation`."""
    nested = row.get("translation")
    if isinstance(nested, dict) and not set(columns) <= set(row):
        row = nested
    for column in columns:
        if column not in row:
            raise UserError(f"{where} has no column {column!r}; it has {_join_names(row)}")
        value = row[column]
        if not isinstance(value, str):
            raise UserError(f"{where} must have a string in column {column!r}, not {_json_type(value)}")
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise UserError(f"{where} has half a character (a lone surrogate) in column {column!r}")
    return tuple(row[column] for column in columns)


def format_error(error: BaseException) -> str:
    """Return the message of an error on one line of bounded length, without a full stop."""
    message = " ".join(str(error).split()).rstrip(".")
    return message if len(message) <= 300 else message[:300] + " ..."


def _column_positions(columns: Sequence[str], width: int, path: Path) -> list[int]:
    if not all(column.isdecimal() for column in columns):
        raise UserError(
            f"line 1 of {path} does not name the columns {_join_names(columns)}: "
            f'add such a line, or name columns by their position, "0" for the first'
        )
    positions = [int(column) for column in columns]
    if max(positions) >= width:
        raise UserError(f"{path}, line 1 has {width} columns, so position {max(positions)} must be below {width}")
    return positions


def _json_type(value: object) -> str:
    type_names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", list: "a list"}
    return type_names.get(type(value), "an object" if isinstance(value, dict) else "a string")


def _join_names(names: Any) -> str:
    return ", ".join(map(str, names)) or "none"
