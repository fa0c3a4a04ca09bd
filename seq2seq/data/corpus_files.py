"""Which files hold a split of a corpus."""

import glob
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

from seq2seq.data.cache import Row
from seq2seq.data.formats import read_json_lines, read_parallel, read_parquet, read_tab_separated, read_text
from seq2seq.errors import UserError, system_errors
from seq2seq.rank_zero import rank_zero_log
from seq2seq.storage import path_inside

Reader: TypeAlias = Callable[[Sequence[Path], Sequence[str]], Iterator[Row]]


class Part(NamedTuple):
    """Files that are read together, and how."""

    read: Reader
    paths: tuple[Path, ...]


_ALIASES = {"validation": ("validation", "val", "valid", "dev")}
_READERS: dict[str, Reader] = {
    ".tsv": read_tab_separated,
    ".jsonl": read_json_lines,
    ".json": read_json_lines,
    ".parquet": read_parquet,
}
_SPLIT_NAMED = re.compile(rf"({'|'.join(('train', 'test', *_ALIASES['validation']))})[-.].*", re.DOTALL)
ENDINGS = (*_READERS, ".txt")
_LISTED_ENDINGS = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"


def local_parts(source: str, split: str, columns: Sequence[str], subset: str | None = None) -> list[Part] | None:
    """Find the files of a split: none if the source does not have it, and None if the source is not a local path.

    Args:
        source: a folder, a file or a glob.
        columns: one for a language model, two for a translator.
        subset: a folder inside the folder.
    """
    if not source:
        raise UserError("a corpus must be named by a folder, a file, a glob or a name on the Hub, not by nothing")
    path = expanded(source)
    path_inside(path, split, "split")
    with system_errors(f"cannot read {source}"):
        return _parts_at(path, source, split, columns, subset)


def expanded(source: str) -> Path:
    """Return the path of a source, in whose name ~ is a home folder."""
    try:
        return Path(source).expanduser()
    except RuntimeError:
        raise UserError(f"nobody here has the home folder in {source}") from None


def _parts_at(path: Path, source: str, split: str, columns: Sequence[str], subset: str | None) -> list[Part] | None:
    if path.is_dir():
        if subset is not None:
            path = path_inside(path, subset, "subset", nested=True)
            if not path.is_dir():
                raise UserError(f"the subset {subset!r} must be a folder inside {source}, which has none such")
        return _in_folder(path, split, columns)
    if path.exists():
        if not path.is_file():
            raise UserError(f"{source} must be a file that can be read twice, not a pipe or a device")
        return [_part(path, columns)] if split == "train" else []
    if glob.has_magic(source):
        paths = sorted((Path(found) for found in glob.glob(str(path), recursive=True)), key=_natural)
        files = [found for found in paths if found.is_file()]
        if not files:
            raise UserError(f"no file matches {source}")
        return [_part(found, columns) for found in files] if split == "train" else []
    return None


def names_of(split: str) -> tuple[str, ...]:
    """The names that a split goes by."""
    return _ALIASES.get(split, (split,))


def missing_split(source: str, split: str, columns: Sequence[str], subset: str | None = None) -> str:
    """Say why a local source does not have a split."""
    folder = expanded(source) / (subset or "")
    if not folder.is_dir():
        return f"{source} serves the split 'train' only, not {split!r}; a folder can hold several"
    if _writes_its_corpus(folder) and not _has_any_split(folder):
        return f"{folder} is a program that has not written its corpus yet: run python {folder}"
    beside = " and ".join(f"{split}.{column}" for column in columns)
    others = "".join(f" or {name}" for name in names_of(split) if name != split)
    return f"{folder} has no split {split!r}{others}: it would be {beside}, or {split} ending in {_LISTED_ENDINGS}"


def _in_folder(folder: Path, split: str, columns: Sequence[str]) -> list[Part]:
    for name in names_of(split):
        if parts := _named(folder, name, columns):
            return parts
    if split != "train" or len(columns) > 1 or _writes_its_corpus(folder) or _has_any_split(folder):
        return []
    below = [path for path in folder.rglob("*") if not _hidden(path.relative_to(folder)) and path.is_file()]
    files = sorted((path for path in below if path.suffix not in _READERS and _is_text(path)), key=_natural)
    if len(files) < len(below):
        _say_left_out(folder, len(below) - len(files))
    return [_part(path, columns) for path in files]


@cache
def _say_left_out(folder: Path, number: int) -> None:
    """Say once that files of a folder are not read."""
    rank_zero_log(f"{folder}: {number:,} {'file' if number == 1 else 'files'} left out, which hold no plain text")


def _named(folder: Path, name: str, columns: Sequence[str]) -> list[Part]:
    """The files of a split under one of its names: one file a column, one file of all columns, or several."""
    beside = [folder / f"{name}.{column}" for column in columns]
    there = [path for path in beside if path.parent == folder and _is_file(path)]
    if len(there) == len(columns):
        return [Part(read_parallel if len(columns) > 1 else read_text, tuple(beside))]
    for ending in ENDINGS:
        if _is_file(path := folder / f"{name}{ending}"):
            return [_part(path, columns)]
    for ending in ENDINGS:
        # a shard's name holds a number: test-unseen.jsonl is a split of its own
        shard = re.compile(rf"{re.escape(name)}[-.].*\d.*{re.escape(ending)}", re.DOTALL)
        if shards := [path for path in folder.iterdir() if shard.fullmatch(path.name) and path.is_file()]:
            return [_part(path, columns) for path in sorted(shards, key=_natural)]
    if there:
        absent = next(path for path in beside if path not in there)
        raise UserError(f"{there[0]} must have {absent.name} beside it, which is not there")
    return []


def _part(path: Path, columns: Sequence[str]) -> Part:
    reader = _READERS.get(path.suffix)
    if reader is None and len(columns) > 1:
        if path.suffix != ".txt":
            raise UserError(f"pairs must be in a file ending in {_LISTED_ENDINGS}, or a folder, which {path} is not")
        reader = read_tab_separated
    return Part(reader or read_text, (path,))


def _has_any_split(folder: Path) -> bool:
    return any(_SPLIT_NAMED.fullmatch(path.name) and path.is_file() for path in folder.iterdir())


def _writes_its_corpus(folder: Path) -> bool:
    return (folder / "__main__.py").is_file()


def _is_file(path: Path) -> bool:
    if path.is_dir():
        raise UserError(f"{path} is a folder where a file is meant")
    return path.is_file()


def _is_text(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" not in file.read(8192)  # as git tells text from binary


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _natural(path: Path) -> list[str | int]:
    """A key that sorts part 2 before part 10."""
    pieces = re.split(r"([0-9]+)", str(path))
    return [int(piece) if place % 2 else piece for place, piece in enumerate(pieces)]
