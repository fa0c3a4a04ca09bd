"""Reading and writing checkpoints, and finding those of a run.

A checkpoint is a `torch.save` file of plain data, whose zip archive ends with a comment: the checksum of all bytes
before it. Nothing else in the package calls `torch.load` or `torch.save`.
"""

import os
import re
import stat
import struct
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_STORED, ZipFile

from seq2seq.errors import UserError, system_errors
from seq2seq.standard_streams import rank_zero_log
from seq2seq.storage import CHECKSUM_LENGTH, atomic_write, checksum

FORMAT = 3  # version of the stored data; checkpoints of another version are rejected

_ZIP_START = b"PK\3\4"
_ZIP_END = (
    b"PK\5\6"  # starts the last record of a zip archive, which ends with the length of the comment and the comment
)
_ZIP_END_LENGTH = 22
_CHECKSUM_PREFIX = b"seq2seq xxh3-128 "  # starts the comment, before the checksum
_COMMENT_LENGTH = len(_CHECKSUM_PREFIX) + CHECKSUM_LENGTH
_SCALAR_TYPES = {type(None), bool, int, float, str, bytes}
_MAX_DEPTH = 50  # levels of nested containers
_BYTEARRAY_CALL = re.compile(
    rb"c(?:builtins|__builtin__)\nbytearray\n"
)  # the only call allowed in a pickle that can allocate any amount of memory

_reported_runs: dict[Path, Path] = {}  # the run that was taken for the folder of a name


def save(contents: dict[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a checkpoint atomically.

    Args:
        contents: Tensors and plain data: dicts, lists, numbers, strings and bytes.
        path: File to write.

    Raises:
        UserError: if the operating system reports an error, such as a full disk.
    """
    import torch

    with atomic_write(path) as temporary, temporary.open("w+b", buffering=0) as file:
        try:
            torch.save({**contents, "format": FORMAT}, file)
        except RuntimeError as error:
            raise _system_error(error) or error from error
        _append_checksum(file)


def load(path: str | os.PathLike[str], mapped: bool = True) -> dict[str, Any]:
    """Return the contents of a checkpoint, on the CPU, without running any code of the file.

    Args:
        path: File to read.
        mapped: Whether tensors stay in the file, memory-mapped, which is faster if they are read once.

    Raises:
        UserError: if the file is damaged, or not a checkpoint of this format.
    """
    import torch

    name = os.fspath(path)
    with system_errors(f"cannot read {name}"):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UserError(f"{name} cannot be read as a checkpoint: it is not a regular file")
        with open(path, "rb") as file:
            _verify_checksum(file, name)
            pickle_bytes = _check_archive(file, name)
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # torch raises many exception types for unknown data
        raise UserError(f"{name} cannot be read as a checkpoint: it contains more than plain data") from error
    if not isinstance(contents, dict) or not all(isinstance(key, str) for key in contents):
        raise UserError(f"{name} is not a checkpoint of seq2seq: it is not a dict with string keys")
    if _count_values(contents, _MAX_DEPTH, 2 * pickle_bytes) > 2 * pickle_bytes:
        raise UserError(f"{name} cannot be read as a checkpoint: it contains more than plain data")
    if contents.get("format") != FORMAT:
        raise UserError(
            f"{name} is a checkpoint of format {str(contents.get('format'))[:20]}, "
            f"and this version reads format {FORMAT}"
        )
    return contents


def find_checkpoint(checkpoint: str | Path) -> Path:
    """Return the path of a checkpoint: the file itself, or the best checkpoint of a run.

    Args:
        checkpoint: A checkpoint, the folder of a run, such as runs/NAME/1, or the folder of a name, such as runs/NAME,
            of which the newest run is taken.
    """
    path = Path(checkpoint)
    with system_errors(f"cannot read {path}"):
        if not path.exists():
            raise UserError(f"there is no checkpoint at {path}")
        if not path.is_dir():
            return path
        run = find_run(path)
        for candidate in (best_checkpoint(run), last_checkpoint(run)):
            if candidate.exists():
                return candidate
    raise UserError(f"the folder {path} contains no checkpoints/best.ckpt, so it is not a run with a checkpoint")


def find_run(folder: Path) -> Path:
    """Return the newest run with a checkpoint in the folder of a name, which is reported; any other folder as it is."""
    if not has_checkpoint(folder):
        for run in filter(has_checkpoint, reversed(list_runs(folder))):
            if _reported_runs.get(folder) != run:  # a command looks up its checkpoints several times
                _reported_runs[folder] = run
                rank_zero_log(f"using {run}")
            return run
    return folder


def list_runs(folder: Path) -> list[Path]:
    """Return the runs in the folder of a name, oldest first."""
    paths = [path for path in folder.glob("*") if path.name.isdecimal() and path.is_dir()]
    return sorted(paths, key=lambda path: int(path.name))


def has_checkpoint(run: Path) -> bool:
    return best_checkpoint(run).exists() or last_checkpoint(run).exists()


def checkpoint_folder(run: Path) -> Path:
    """Return the folder with the checkpoints of a run."""
    return run / "checkpoints"


def best_checkpoint(run: Path) -> Path:
    return checkpoint_folder(run) / "best.ckpt"


def last_checkpoint(run: Path) -> Path:
    return checkpoint_folder(run) / "last.ckpt"


def _append_checksum(file: IO[bytes]) -> None:
    """Append a checksum of the whole file, as the comment of its zip archive."""
    file.seek(-_ZIP_END_LENGTH, os.SEEK_END)
    end = file.read(_ZIP_END_LENGTH)
    assert end.startswith(_ZIP_END), "torch.save wrote a zip archive with a comment"
    file.seek(-2, os.SEEK_END)
    file.write(struct.pack("<H", _COMMENT_LENGTH) + _CHECKSUM_PREFIX)
    file.seek(0)
    digest = checksum(file)
    file.write(digest.encode("ascii"))


def _verify_checksum(file: IO[bytes], name: str) -> None:
    """Raise a UserError if a file does not end with the checksum of all bytes before it."""
    problem = f"{name} cannot be read as a checkpoint"
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise UserError(f"{problem}: it is empty")
    if file.read(len(_ZIP_START)) != _ZIP_START:
        raise UserError(f"{problem}: it is not a zip archive")
    file.seek(max(0, size - _ZIP_END_LENGTH - _COMMENT_LENGTH))
    end = file.read()
    if end[-_ZIP_END_LENGTH:].startswith(_ZIP_END):
        raise UserError(
            f"{problem}: it has no checksum, so it was written by another program or by a version before formats "
            f"were numbered; this version reads format {FORMAT}"
        )
    if not (end.startswith(_ZIP_END) and end[_ZIP_END_LENGTH:].startswith(_CHECKSUM_PREFIX)):
        raise UserError(f"{problem}: it is truncated, or not a checkpoint")
    file.seek(0)
    if checksum(file, size - CHECKSUM_LENGTH).encode("ascii") != end[-CHECKSUM_LENGTH:]:
        raise UserError(f"{problem}: it is damaged, since its checksum does not match")


def _check_archive(file: IO[bytes], name: str) -> int:
    """Return the bytes of an archive's pickles; raise a UserError if reading it could take more memory."""
    try:
        with ZipFile(file) as archive:
            records = archive.infolist()
            plain = all(record.compress_type == ZIP_STORED for record in records)
            pickles = [record for record in records if record.filename.lower().endswith(".pkl")]
            plain = plain and not any(_BYTEARRAY_CALL.search(archive.read(record)) for record in pickles)
    except Exception as error:  # zipfile raises many exception types for damaged archives
        raise UserError(f"{name} cannot be read as a checkpoint: its archive is damaged") from error
    if not plain:
        raise UserError(f"{name} cannot be read as a checkpoint: it contains more than plain data")
    return sum(record.file_size for record in pickles)


def _count_values(value: Any, depth: int, limit: int) -> int:
    """Count the values in nested plain data; more than `limit` if it is not plain, nested too deep, or too large.

    A value that a pickle references twice counts twice, so a small pickle cannot expand to a large or endless value.
    """
    if isinstance(value, dict):
        if not all(type(key) in (str, int) for key in value):
            return limit + 1
        value = value.values()
    elif type(value) not in (list, tuple):
        return 1 if type(value) in _SCALAR_TYPES or _is_plain_tensor(value) else limit + 1
    count = 1
    for item in value:
        if type(item) in _SCALAR_TYPES:
            count += 1
        else:
            count += _count_values(item, depth - 1, limit - count) if depth else limit + 1
        if count > limit:
            break
    return count


def _is_plain_tensor(value: Any) -> bool:
    """Whether a value is a dense CPU tensor that is not larger than its storage."""
    import torch

    if type(value) not in (torch.Tensor, torch.nn.Parameter) or value.layout != torch.strided or value.is_quantized:
        return False
    return bool(value.device.type == "cpu" and value.nbytes <= value.untyped_storage().nbytes())


def _system_error(error: BaseException) -> OSError | None:
    """Return the OSError that caused an error of torch, if any."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    return cause
