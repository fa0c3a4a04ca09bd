"""Checkpoints on disk: how they are written and read, which file of a run is meant, and what one may name.

A checkpoint is a file of `torch.save` with plain data in it, whose zip archive ends with a comment: the checksum of all
that stands before it. Nothing else in the package calls `torch.load` or `torch.save`.
"""

import os
import pkgutil
import re
import stat
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_STORED, ZipFile

from seq2seq.errors import UserError, system_errors
from seq2seq.storage import CHECKSUM_LENGTH, atomic_write, checksum

FORMAT = 1  # of what is stored; a checkpoint of another one is refused

_ZIP = b"PK\3\4"
_END = b"PK\5\6"  # begins the last record of a zip archive, which ends with the length of the comment and the comment
_END_LENGTH = 22
_SEAL = b"seq2seq xxh3-128 "  # begins the comment, before the checksum
_COMMENT_LENGTH = len(_SEAL) + CHECKSUM_LENGTH
_LEAVES = {type(None), bool, int, float, str, bytes}
_NESTING = 50  # of parts within parts
_ALLOCATION = re.compile(rb"c(?:builtins|__builtin__)\nbytearray\n")  # the one call in a pickle that takes any memory


def save(held: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a checkpoint, which is whole or absent.

    Args:
        held: Tensors and plain data: dicts, lists, numbers, strings and bytes.
        path: File to write.

    Raises:
        UserError: where the operating system refuses, as with a full disk.
    """
    import torch

    with atomic_write(path) as temporary, temporary.open("w+b", buffering=0) as file:
        try:
            torch.save({**held, "format": FORMAT}, file)
        except RuntimeError as error:
            raise _system_error(error) or error from error
        _seal(file)


def load(path: str | os.PathLike[str], mapped: bool = True) -> dict[str, Any]:
    """Return what a checkpoint holds, on the CPU; nothing in it is run.

    Args:
        path: File to read.
        mapped: Whether its tensors stay in the file, mapped into memory, which suits what is read once.

    Raises:
        UserError: if the file is no whole checkpoint of this format.
    """
    import torch

    name = os.fspath(path)
    with system_errors(f"cannot read {name}"):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UserError(f"{name} cannot be read as a checkpoint: it is no regular file")
        with open(path, "rb") as file:
            _check_seal(file, name)
            length = _length_of_pickles(file, name)
    try:
        held = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # torch raises many kinds for what it does not know
        raise UserError(f"{name} cannot be read as a checkpoint: it holds more than plain data") from error
    if not isinstance(held, dict) or not all(isinstance(key, str) for key in held):
        raise UserError(f"{name} is no checkpoint of seq2seq: it holds something else than named parts")
    if _count(held, _NESTING, 2 * length) > 2 * length:
        raise UserError(f"{name} cannot be read as a checkpoint: it holds more than plain data")
    if held.get("format") != FORMAT:
        raise UserError(
            f"{name} is a checkpoint of format {str(held.get('format'))[:20]}, and this version reads format {FORMAT}"
        )
    return held


def find(checkpoint: str | Path) -> Path:
    """Return the file that is meant: itself, or the best checkpoint of a run's folder."""
    path = Path(checkpoint)
    with system_errors(f"cannot read {path}"):
        if not path.exists():
            raise UserError(f"there is no checkpoint at {path}")
        if not path.is_dir():
            return path
        for candidate in (best_checkpoint(path), last_checkpoint(path)):
            if candidate.exists():
                return candidate
    raise UserError(f"{path} is a folder without checkpoints/best.ckpt, so it is no run that wrote a checkpoint")


def folder_of(run: Path) -> Path:
    """Return the folder of a run's checkpoints."""
    return run / "checkpoints"


def best_checkpoint(run: Path) -> Path:
    return folder_of(run) / "best.ckpt"


def last_checkpoint(run: Path) -> Path:
    return folder_of(run) / "last.ckpt"


def trusted_class(path: str, trust: Sequence[str]) -> type:
    """Return the class at an import path, whose module is imported only if the user trusts it.

    Args:
        path: What a checkpoint names, as "my_layers.Mine".
        trust: Modules that may be imported: the class's own, or a package that it is in; a string has commas between
            them.
    """
    if not _is_dotted(path):
        raise UserError(f"it names {path[:80]!r}, which is neither a class of seq2seq nor an import path")
    module = path.rpartition(".")[0]
    if not module:
        raise UserError(f"it names {path[:80]}, which is no class of seq2seq that can stand there")
    words = [word.strip() for word in trust.split(",")] if isinstance(trust, str) else trust
    for word in words:
        if not _is_dotted(word):
            raise UserError(f"what is trusted must be modules, as my_layers, and {word!r} was given")
    if not any(path.startswith(f"{word}.") for word in words):
        raise UserError(
            f"it names {path[:80]}, which is no class of seq2seq: to import and run it, trust its module "
            f"with --trust {module[:80]}"
        )
    try:
        kind = pkgutil.resolve_name(path)
    except (AttributeError, ImportError) as error:
        raise UserError(f"it names {path}, which cannot be imported: {error}") from error
    if not isinstance(kind, type):
        raise UserError(f"it names {path}, which is no class")
    return kind


def _is_dotted(path: str) -> bool:
    return all(part.isidentifier() for part in path.split("."))


def _seal(file: IO[bytes]) -> None:
    """Put a checksum of the whole file at its end, as the comment of the zip archive that it is."""
    file.seek(-_END_LENGTH, os.SEEK_END)
    end = file.read(_END_LENGTH)
    assert end.startswith(_END), "torch.save wrote a zip archive with a comment"
    file.seek(-2, os.SEEK_END)
    file.write(struct.pack("<H", _COMMENT_LENGTH) + _SEAL)
    file.seek(0)
    content = checksum(file)
    file.write(content.encode("ascii"))


def _check_seal(file: IO[bytes], name: str) -> None:
    """Raise a UserError if a file does not end with the checksum of all that stands before it."""
    refused = f"{name} cannot be read as a checkpoint"
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise UserError(f"{refused}: it is empty")
    if file.read(len(_ZIP)) != _ZIP:
        raise UserError(f"{refused}: it is another kind of file")
    file.seek(max(0, size - _END_LENGTH - _COMMENT_LENGTH))
    end = file.read()
    if end[-_END_LENGTH:].startswith(_END):
        raise UserError(
            f"{refused}: it carries no checksum, so it is another program's, or of a version before formats were "
            f"numbered, and this one reads format {FORMAT}"
        )
    if not (end.startswith(_END) and end[_END_LENGTH:].startswith(_SEAL)):
        raise UserError(f"{refused}: it is cut off, or another kind of file")
    file.seek(0)
    if checksum(file, size - CHECKSUM_LENGTH).encode("ascii") != end[-CHECKSUM_LENGTH:]:
        raise UserError(f"{refused}: it is damaged, since its content does not have the checksum that it was given")


def _length_of_pickles(file: IO[bytes], name: str) -> int:
    """Return the bytes of what is no tensor; raise a UserError if reading an archive would take more memory than it."""
    try:
        with ZipFile(file) as archive:
            records = archive.infolist()
            plain = all(record.compress_type == ZIP_STORED for record in records)
            pickles = [record for record in records if record.filename.lower().endswith(".pkl")]
            plain = plain and not any(_ALLOCATION.search(archive.read(record)) for record in pickles)
    except Exception as error:  # zipfile raises many kinds for what it does not expect
        raise UserError(f"{name} cannot be read as a checkpoint: its archive is damaged") from error
    if not plain:
        raise UserError(f"{name} cannot be read as a checkpoint: it holds more than plain data")
    return sum(record.file_size for record in pickles)


def _count(value: Any, nesting: int, most: int) -> int:
    """Return how many parts a value has, or more than `most` if it is not plain, nested deeper, or has more.

    What a pickle names twice is counted twice, so that a small one cannot stand for a large or endless value.
    """
    if isinstance(value, dict):
        if not all(type(key) in (str, int) for key in value):
            return most + 1
        value = value.values()
    elif type(value) not in (list, tuple):
        return 1 if type(value) in _LEAVES or _is_whole(value) else most + 1
    count = 1
    for part in value:
        count += 1 if type(part) in _LEAVES else _count(part, nesting - 1, most - count) if nesting else most + 1
        if count > most:
            break
    return count


def _is_whole(value: Any) -> bool:
    """Whether a value is a dense tensor that is not larger than what is stored of it."""
    import torch

    if type(value) not in (torch.Tensor, torch.nn.Parameter) or value.layout != torch.strided or value.is_quantized:
        return False
    return bool(value.device.type == "cpu" and value.nbytes <= value.untyped_storage().nbytes())


def _system_error(error: BaseException) -> OSError | None:
    """Return the operating system's error behind one of torch's."""
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, OSError):
        behind = behind.__cause__ or behind.__context__
    return behind
