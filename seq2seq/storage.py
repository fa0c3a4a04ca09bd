"""Atomic writing of files, JSON files, and a cache of derived files."""

import errno
import json
import math
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeVar

from seq2seq.errors import UserError, system_errors
from seq2seq.standard_streams import is_pipe, open_pipe_for_writing

T = TypeVar("T")

PARTIAL = ".partial"  # suffix of a file that is being written
# a disk that is full, damaged or read-only, whichever file the error names
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
CHECKSUM_LENGTH = 32  # characters
_CHUNK_BYTES = 1 << 19
_MAX_STEM_CHARACTERS = 40  # of up to 4 bytes, in the name of a partial file, which has at most 255 bytes


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path, whose file becomes `path` when the block ends without an error.

    A regular or new file is replaced in one step: a crash, a full disk or kill -9 leaves the old content, and no reader
    ever sees half a file. A symbolic link is followed, and mode and owner are kept. Anything else, such as a device, a
    FIFO or a descriptor, is not replaced; the content is copied into it.

    Raises UserError if the operating system reports an error, such as a full disk or a missing permission.
    """
    name = os.fspath(path)
    with system_errors(f"cannot write {name}"):
        check_output(path)
        old, is_stream = _stat(path), _is_stream(path)
        target = Path(path if is_stream else os.path.realpath(path))
        folder = Path(tempfile.gettempdir()) if is_stream else target.parent
        folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{target.name[:_MAX_STEM_CHARACTERS]}.{os.getpid()}-{os.urandom(4).hex()}{PARTIAL}"
    try:
        with _write_errors(name, temporary):
            yield temporary
        with system_errors(f"cannot write {name}"):
            if is_stream:
                with temporary.open("rb") as source, open(_write_target(target), "wb") as sink:
                    shutil.copyfileobj(source, sink)
                return
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            if old is not None:
                with suppress(PermissionError):  # only root can change the owner of a file
                    os.chown(temporary, old.st_uid, old.st_gid)
                temporary.chmod(stat.S_IMODE(old.st_mode))
            temporary.replace(target)
            _sync_folder(folder)
    finally:
        with suppress(OSError):
            temporary.unlink()


def check_output(path: str | os.PathLike[str]) -> None:
    """Raise a UserError if the existing file at a path cannot be written; for use before long computations."""
    name = os.fspath(path)
    with system_errors(f"cannot write {name}"):
        old = _stat(path)
        if old is not None and stat.S_ISDIR(old.st_mode):
            raise UserError(f"{name} is a folder, not a file")
        if old is not None and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def path_inside(folder: Path, name: str, option: str, nested: bool = False) -> Path:
    """Return the path of a name inside a folder; raise a UserError for a name that leads outside of it.

    Args:
        folder: The folder that contains the file or folder of this name.
        name: A name that a user gave.
        option: The option that has this name as its value, for the error.
        nested: Whether the name may contain folders.
    """
    parts = Path(name).parts
    inside = bool(parts) and ".." not in parts and not Path(name).anchor and "\0" not in name
    if not inside or not (nested or parts == (name,)):
        raise UserError(f"{option} must be the name of a file or folder inside {folder}, and {name!r} was given")
    return folder / name


@contextmanager
def open_output(path: str | os.PathLike[str]) -> Iterator[IO[str]]:
    """Open a UTF-8 text file for writing: atomically if it is a regular file, as a stream otherwise."""
    with system_errors(f"cannot write {os.fspath(path)}"):
        is_stream = _is_stream(path)
    if is_stream:
        with _write_errors(os.fspath(path), Path(path)), ExitStack() as stack:
            with system_errors(f"cannot write {os.fspath(path)}"):
                file = stack.enter_context(open(_write_target(path), "w", encoding="utf-8", newline="\n"))
            yield file
    else:
        with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
            yield file


def _write_target(path: str | os.PathLike[str]) -> str | os.PathLike[str] | int:
    """Return the argument of `open` for writing a stream: the descriptor of a pipe that has a reader, or the path."""
    return open_pipe_for_writing(path) if is_pipe(path) else path


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file in UTF-8 atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write a file of JSON atomically."""
    with open_output(path) as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Return the value in a JSON file; raise a UserError with its name if it is not JSON."""
    check_regular(path)
    with system_errors(f"cannot read {os.fspath(path)}"):
        content = Path(path).read_bytes()
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:  # RecursionError if it is nested too deep
        raise UserError(f"{os.fspath(path)} is not JSON: {' '.join(str(error).split())}") from error


def check_regular(path: str | os.PathLike[str]) -> None:
    """Raise a UserError for anything but a regular file, which can be read more than once."""
    with system_errors(f"cannot read {os.fspath(path)}"):
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            raise UserError(f"there is no file {path}") from None
    if stat.S_ISDIR(mode):
        raise UserError(f"{path} is a folder, not a file")
    if not stat.S_ISREG(mode):
        raise UserError(f"{path} must be a regular file, not a pipe or a device")


def json_value(value: Any) -> Any:
    """Return a value for strict JSON: NamedTuples become dicts, and NaN and infinity become None."""
    if hasattr(value, "_asdict"):
        return json_value(value._asdict())
    if isinstance(value, dict):
        return {key: json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def cache_folder() -> Path:
    """Return the cache folder: $SEQ2SEQ_CACHE, $XDG_CACHE_HOME/seq2seq or ~/.cache/seq2seq."""
    if folder := os.environ.get("SEQ2SEQ_CACHE"):
        return Path(folder).expanduser()
    if folder := os.environ.get("XDG_CACHE_HOME"):
        return Path(folder).expanduser() / "seq2seq"
    return Path.home() / ".cache" / "seq2seq"


def cached_file(name: str, write: Callable[[Path], None]) -> Path:
    """Return the path of a file in the cache; one process writes it if it is missing or damaged.

    Its size and checksum are stored beside it and compared each time, so a truncated or changed file is written again.

    Args:
        name: A path inside the cache, which contains a hash of everything that the file depends on.
        write: Writes the file to a path; not called if the cache has an intact one.
    """
    path = cache_folder() / name
    if is_intact(path):
        return path
    from filelock import FileLock  # slow to import, and rarely needed

    with system_errors(f"cannot write to the cache {cache_folder()} (set SEQ2SEQ_CACHE to use another folder)"):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"))
        lock.acquire()
    try:
        if not is_intact(path):  # another process may have written it meanwhile
            with atomic_write(path) as temporary:
                write(temporary)
                expected = _size_and_checksum(temporary)
            with open_output(_checksum_path(path)) as file:
                file.write(expected)
    finally:
        lock.release()
    return path


def open_cached(name: str, write: Callable[[Path], None], read: Callable[[Path], T]) -> T:
    """Read a file in the cache; if it is missing or unreadable, write it again once and read that.

    That happens if another process clears the cache, or if another version wrote a format that this one cannot read.

    Args:
        name: As in `cached_file`.
        write: As in `cached_file`.
        read: Reads the file at a path.
    """
    path = cached_file(name, write)
    try:
        return read(path)
    except Exception:  # libraries raise many exception types; a bug in `read` is raised again below
        with system_errors(f"cannot read or rewrite {path} (set SEQ2SEQ_CACHE to use another folder)"):
            _checksum_path(path).unlink(missing_ok=True)
    return read(cached_file(name, write))


def is_intact(path: Path) -> bool:
    """Whether a file in the cache still has the size and checksum with which it was written."""
    try:
        return _checksum_path(path).read_text(encoding="ascii") == _size_and_checksum(path)
    except (OSError, UnicodeDecodeError):
        return False


def checksum(file: IO[bytes], length: int | None = None) -> str:
    """Return the 128-bit XXH3 checksum of a file from its current position, in hexadecimal.

    It detects damage, not manipulation.

    Args:
        file: An open file.
        length: Bytes to read; by default all remaining ones.
    """
    import xxhash

    digest = xxhash.xxh3_128()
    remaining = os.fstat(file.fileno()).st_size - file.tell() if length is None else length
    while remaining > 0 and (chunk := file.read(min(remaining, _CHUNK_BYTES))):
        digest.update(chunk)
        remaining -= len(chunk)
    return digest.hexdigest()


def _size_and_checksum(path: Path) -> str:
    with path.open("rb") as file:
        return f"{os.fstat(file.fileno()).st_size} {checksum(file)}\n"


def _checksum_path(path: Path) -> Path:
    return path.with_name(path.name + ".sum")


def _stat(path: str | os.PathLike[str]) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether a path must be written in place, not replaced.

    True for devices, FIFOs, and descriptors, such as /dev/stdout or the /dev/fd/63 of a shell's >(...), whose links
    resolve to names that no file has.
    """
    status = _stat(path)
    if status is None or stat.S_ISDIR(status.st_mode):
        return False
    resolved = _stat(os.path.realpath(path))
    return not stat.S_ISREG(status.st_mode) or resolved is None or not os.path.samestat(status, resolved)


@contextmanager
def _write_errors(name: str, temporary: Path) -> Iterator[None]:
    """Raise a UserError for an OSError of writing the file; other errors of the block are unchanged."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_ERRORS or error.filename == os.fspath(temporary):
            raise UserError(f"cannot write {name}: {error.strerror}") from error
        raise


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power failure, where the system can sync folders."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
