"""Find the files of a corpus split."""

import glob
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

from seq2seq.data.cache import Row
from seq2seq.data.formats import read_json_lines, read_parallel, read_parquet, read_tab_separated, read_text
from seq2seq.errors import UserError, system_errors
from seq2seq.standard_streams import rank_zero_log
from seq2seq.storage import path_inside

Reader: TypeAlias = Callable[[Sequence[Path], Sequence[str]], Iterator[Row]]


class FileGroup(NamedTuple):
    """Files that are read together, and their reader."""

    read: Reader
    paths: tuple[Path, ...]


_ALIASES = {"validation": ("validation", "val", "valid", "dev")}
_READERS: dict[str, Reader] = {
    ".tsv": read_tab_separated,
    ".jsonl": read_json_lines,
    ".json": read_json_lines,
    ".parquet": read_parquet,
}
_SPLIT_FILE = re.compile(rf"({'|'.join(('train', 'test', *_ALIASES['validation']))})[-.].*", re.DOTALL)
SUFFIXES = (*_READERS, ".txt")
_SUFFIX_LIST = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"


def find_split_files(
    source: str, split: str, columns: Sequence[str], subset: str | None = None
) -> list[FileGroup] | None:
    """Find the files of a split: an empty list if the source lacks it, None if the source is not a local path.

    Args:
        source: A folder, a file or a glob.
        columns: One for a language model, two for a translator.
        subset: A folder inside the folder.
    """
    if not source:
        raise UserError("a corpus must be named by a folder, a file, a glob or a name on the Hub, not by nothing")
    path = expand_home(source)
    path_inside(path, split, "split")
    with system_errors(f"cannot read {source}"):
        return _find_at(path, source, split, columns, subset)


def expand_home(source: str) -> Path:
    """Return the path of a source with ~ expanded to a home folder."""
    try:
        return Path(source).expanduser()
    except RuntimeError:
        raise UserError(f"cannot expand ~ in {source}: there is no such home folder") from None


def _find_at(path: Path, source: str, split: str, columns: Sequence[str], subset: str | None) -> list[FileGroup] | None:
    if path.is_dir():
        if subset is not None:
            path = path_inside(path, subset, "subset", nested=True)
            if not path.is_dir():
                raise UserError(f"the subset {subset!r} must be a folder inside {source}, which has none such")
        return _find_in_folder(path, split, columns)
    if subset is not None and (path.exists() or glob.has_magic(source)):
        raise UserError(
            f"a subset must be a folder inside a corpus folder, or a configuration of a data set on the Hugging Face "
            f"Hub: {source} has no subset {subset!r}"
        )
    if path.exists():
        if not path.is_file():
            raise UserError(f"{source} must be a regular file, not a pipe or a device")
        return [_single_file(path, columns)] if split == "train" else []
    if glob.has_magic(source):
        matches = sorted((Path(match) for match in glob.glob(str(path), recursive=True)), key=_natural_sort_key)
        files = [match for match in matches if match.is_file()]
        if not files:
            raise UserError(f"no file matches {source}")
        return [_single_file(file, columns) for file in files] if split == "train" else []
    return None


def get_split_names(split: str) -> tuple[str, ...]:
    """Return the names under which a split may be stored."""
    return _ALIASES.get(split, (split,))


def explain_missing_split(source: str, split: str, columns: Sequence[str], subset: str | None = None) -> str:
    """Return an error message on why a local source does not have a split."""
    folder = expand_home(source) / (subset or "")
    if not folder.is_dir():
        return f"{source} has only the split 'train', not {split!r}; a folder can hold several"
    if _is_corpus_script(folder) and not _has_any_split(folder):
        return f"{folder} is a program that has not written its corpus yet: run python {folder}"
    parallel = " and ".join(f"{split}.{column}" for column in columns)
    aliases = "".join(f" or {name}" for name in get_split_names(split) if name != split)
    return f"{folder} has no split {split!r}{aliases}: it would be {parallel}, or {split} ending in {_SUFFIX_LIST}"


def _find_in_folder(folder: Path, split: str, columns: Sequence[str]) -> list[FileGroup]:
    for name in get_split_names(split):
        if groups := _find_by_name(folder, name, columns):
            return groups
    if split != "train" or len(columns) > 1 or _is_corpus_script(folder) or _has_any_split(folder):
        return []
    candidates = [path for path in folder.rglob("*") if not _is_hidden(path.relative_to(folder)) and path.is_file()]
    files = sorted(
        (path for path in candidates if path.suffix not in _READERS and _is_text(path)), key=_natural_sort_key
    )
    if len(files) < len(candidates):
        _log_skipped_files(folder, len(candidates) - len(files))
    return [_single_file(path, columns) for path in files]


@cache
def _log_skipped_files(folder: Path, count: int) -> None:
    """Log the number of skipped files of a folder, once."""
    rank_zero_log(f"{folder}: {count:,} {'file' if count == 1 else 'files'} left out, which hold no plain text")


def _find_by_name(folder: Path, name: str, columns: Sequence[str]) -> list[FileGroup]:
    """Return the files of a split under one name: one file per column, one file of all columns, or shards."""
    parallel = [folder / f"{name}.{column}" for column in columns]
    present = [path for path in parallel if path.parent == folder and _is_file(path)]
    if len(present) == len(columns):
        return [FileGroup(read_parallel if len(columns) > 1 else read_text, tuple(parallel))]
    for suffix in SUFFIXES:
        if _is_file(path := folder / f"{name}{suffix}"):
            return [_single_file(path, columns)]
    for suffix in SUFFIXES:
        # a shard's name contains a number: test-unseen.jsonl is a split of its own
        shard = re.compile(rf"{re.escape(name)}[-.].*\d.*{re.escape(suffix)}", re.DOTALL)
        if shards := [path for path in folder.iterdir() if shard.fullmatch(path.name) and path.is_file()]:
            return [_single_file(path, columns) for path in sorted(shards, key=_natural_sort_key)]
    if present:
        missing = next(path for path in parallel if path not in present)
        raise UserError(f"{present[0]} must have {missing.name} beside it, which is not there")
    return []


def _single_file(path: Path, columns: Sequence[str]) -> FileGroup:
    reader = _READERS.get(path.suffix)
    if reader is None and len(columns) > 1:
        if path.suffix != ".txt":
            raise UserError(f"pairs must be in a file ending in {_SUFFIX_LIST}, or a folder, which {path} is not")
        reader = read_tab_separated
    return FileGroup(reader or read_text, (path,))


def _has_any_split(folder: Path) -> bool:
    return any(_SPLIT_FILE.fullmatch(path.name) and path.is_file() for path in folder.iterdir())


def _is_corpus_script(folder: Path) -> bool:
    return (folder / "__main__.py").is_file()


def _is_file(path: Path) -> bool:
    if path.is_dir():
        raise UserError(f"{path} is a folder, not a file")
    return path.is_file()


def _is_text(path: Path) -> bool:
    with path.open("rb") as file:
        return b"\0" not in file.read(8192)  # the test that git uses for binary files


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _natural_sort_key(path: Path) -> list[str | int]:
    """Return a key that sorts part 2 before part 10."""
    pieces = re.split(r"([0-9]+)", str(path))
    return [int(piece) if index % 2 else piece for index, piece in enumerate(pieces)]
