"""Files that are whole or absent, and the cache of what can be made again."""

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

from seq2seq import pipes
from seq2seq.errors import UserError, system_errors

T = TypeVar("T")

PARTIAL = ".partial"  # ends the name of a file that is being written
# what an operating system says of a disk that is full, damaged or not to be written, whichever file it was
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
CHECKSUM_LENGTH = 32  # characters
_BYTES_AT_ONCE = 1 << 19
_PARTIAL_NAME = 40  # characters, of up to 4 bytes, of a name in that of its partial file, which has at most 255 bytes


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path; what was written there becomes `path` when the block ends without an error.

    A regular file, or one that does not exist yet, is replaced at once: a crash, a full disk or kill -9 leaves what
    stood there before, and no reader ever sees half a file. A symbolic link is followed, and mode and owner are kept.
    What is no regular file with a name, as a device, a FIFO or a descriptor, is not replaced; the content is copied
    into it.

    Raises UserError where the operating system refuses, as with a full disk or a lacking right.
    """
    name = os.fspath(path)
    with system_errors(f"cannot write {name}"):
        check_output(path)
        old, stream = _stat(path), _is_stream(path)
        target = Path(path if stream else os.path.realpath(path))
        folder = Path(tempfile.gettempdir()) if stream else target.parent
        folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{target.name[:_PARTIAL_NAME]}.{os.getpid()}-{os.urandom(4).hex()}{PARTIAL}"
    try:
        with _write_errors(name, temporary):
            yield temporary
        with system_errors(f"cannot write {name}"):
            if stream:
                with temporary.open("rb") as source, open(_place(target), "wb") as sink:
                    shutil.copyfileobj(source, sink)
                return
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            if old is not None:
                with suppress(PermissionError):  # only root can give a file away
                    os.chown(temporary, old.st_uid, old.st_gid)
                temporary.chmod(stat.S_IMODE(old.st_mode))
            temporary.replace(target)
            _sync_folder(folder)
    finally:
        with suppress(OSError):
            temporary.unlink()


def check_output(path: str | os.PathLike[str]) -> None:
    """Raise a UserError if what stands at a path cannot be written, before the work whose result the file will hold."""
    name = os.fspath(path)
    with system_errors(f"cannot write {name}"):
        old = _stat(path)
        if old is not None and stat.S_ISDIR(old.st_mode):
            raise UserError(f"{name} is a folder where a file is meant")
        if old is not None and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def path_inside(folder: Path, name: str, option: str, nested: bool = False) -> Path:
    """Return the path of a name inside a folder; raise a UserError for a name that leads elsewhere.

    Args:
        folder: Where the file or folder of this name is.
        name: What a user calls it.
        option: What the name was given as, for the error.
        nested: Whether the name may have folders in it.
    """
    parts = Path(name).parts
    inside = bool(parts) and ".." not in parts and not Path(name).anchor and "\0" not in name
    if not inside or not (nested or parts == (name,)):
        raise UserError(f"{option} must be the name of something inside {folder}, and {name!r} is none")
    return folder / name


@contextmanager
def open_output(path: str | os.PathLike[str]) -> Iterator[IO[str]]:
    """Open a file for text in UTF-8: atomically if it is a regular one, and as a stream if it is anything else."""
    with system_errors(f"cannot write {os.fspath(path)}"):
        stream = _is_stream(path)
    if stream:
        with _write_errors(os.fspath(path), Path(path)), ExitStack() as stack:
            with system_errors(f"cannot write {os.fspath(path)}"):
                file = stack.enter_context(open(_place(path), "w", encoding="utf-8", newline="\n"))
            yield file
    else:
        with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
            yield file


def _place(path: str | os.PathLike[str]) -> str | os.PathLike[str] | int:
    """Return what a stream is opened by for writing: the descriptor of a pipe that has a reader, or its path."""
    return pipes.open_for_writing(path) if pipes.is_pipe(path) else path


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write a file of JSON atomically."""
    with open_output(path) as file:
        file.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def read_json(path: str | os.PathLike[str]) -> Any:
    """Return what a file of JSON holds; raise a UserError that names it if it holds none."""
    check_regular(path)
    with system_errors(f"cannot read {os.fspath(path)}"):
        content = Path(path).read_bytes()
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:  # the latter where it is nested without end
        raise UserError(f"{os.fspath(path)} is not JSON: {' '.join(str(error).split())}") from error


def check_regular(path: str | os.PathLike[str]) -> None:
    """Raise a UserError for what is no file that can be read again and again."""
    with system_errors(f"cannot read {os.fspath(path)}"):
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            raise UserError(f"there is no file {path}") from None
    if stat.S_ISDIR(mode):
        raise UserError(f"{path} is a folder where a file is meant")
    if not stat.S_ISREG(mode):
        raise UserError(f"{path} must be a file that can be read twice, not a pipe or a device")


def plain(value: Any) -> Any:
    """Return a value as strict JSON holds it: NamedTuples with their names, and null for what is no finite number."""
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def cache_folder() -> Path:
    """Return the folder for what can be made again: $SEQ2SEQ_CACHE, $XDG_CACHE_HOME/seq2seq or ~/.cache/seq2seq."""
    if own := os.environ.get("SEQ2SEQ_CACHE"):
        return Path(own).expanduser()
    if common := os.environ.get("XDG_CACHE_HOME"):
        return Path(common).expanduser() / "seq2seq"
    return Path.home() / ".cache" / "seq2seq"


def cached_file(name: str, write: Callable[[Path], None]) -> Path:
    """Return the file of this name in the cache, written by one process if it is not there or damaged.

    Its length and checksum stand beside it and are compared each time, so that a file which was cut off or changed is
    made again and never believed.

    Args:
        name: A path inside the cache, with a hash in it of all that the file depends on.
        write: Writes the file to the path that it is given; not called if a whole one is there.
    """
    path = cache_folder() / name
    if is_whole(path):
        return path
    from filelock import FileLock  # slow to import, and seldom needed

    with system_errors(f"cannot write to the cache {cache_folder()}, which SEQ2SEQ_CACHE can place elsewhere"):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"))
        lock.acquire()
    try:
        if not is_whole(path):  # another process may have written it meanwhile
            with atomic_write(path) as temporary:
                write(temporary)
                seal = _seal(temporary)
            with open_output(_seal_path(path)) as file:
                file.write(seal)
    finally:
        lock.release()
    return path


def open_cached(name: str, write: Callable[[Path], None], read: Callable[[Path], T]) -> T:
    """Return what is read of a file in the cache, which is made again, once, if it is gone or cannot be read.

    That happens where another process empties the cache, or where another version wrote what this one cannot read.

    Args:
        name: As in `cached_file`.
        write: As in `cached_file`.
        read: Opens the file at the path that it is given.
    """
    path = cached_file(name, write)
    try:
        return read(path)
    except Exception:  # libraries raise many kinds for what they cannot read; a mistake of ours is raised again below
        with system_errors(f"{path} cannot be read, nor made again there; SEQ2SEQ_CACHE can place the cache elsewhere"):
            _seal_path(path).unlink(missing_ok=True)
    return read(cached_file(name, write))


def is_whole(path: Path) -> bool:
    """Whether a file in the cache has the length and the checksum with which it was written."""
    try:
        return _seal_path(path).read_text(encoding="ascii") == _seal(path)
    except (OSError, UnicodeDecodeError):
        return False


def checksum(file: IO[bytes], length: int | None = None) -> str:
    """Return the XXH3 checksum of a file from where it is read, 128 bits in hexadecimal; it tells damage, not malice.

    Args:
        file: An open file, read as far as the checksum goes.
        length: Bytes to read; by default all that are left.
    """
    import xxhash

    found = xxhash.xxh3_128()
    left = os.fstat(file.fileno()).st_size - file.tell() if length is None else length
    while left > 0 and (part := file.read(min(left, _BYTES_AT_ONCE))):
        found.update(part)
        left -= len(part)
    return found.hexdigest()


def _seal(path: Path) -> str:
    with path.open("rb") as file:
        return f"{os.fstat(file.fileno()).st_size} {checksum(file)}\n"


def _seal_path(path: Path) -> Path:
    return path.with_name(path.name + ".sum")


def _stat(path: str | os.PathLike[str]) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether a path is written as it stands, and not replaced.

    These are devices, FIFOs, and descriptors, as /dev/stdout or the /dev/fd/63 of a shell's >(...), whose links lead to
    names that no file has.
    """
    found = _stat(path)
    if found is None or stat.S_ISDIR(found.st_mode):
        return False
    named = _stat(os.path.realpath(path))
    return not stat.S_ISREG(found.st_mode) or named is None or not os.path.samestat(found, named)


@contextmanager
def _write_errors(name: str, temporary: Path) -> Iterator[None]:
    """Raise a UserError for an error of writing the file, and leave alone what else goes wrong in the block."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_ERRORS or error.filename == os.fspath(temporary):
            raise UserError(f"cannot write {name}: {error.strerror}") from error
        raise


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where folders can be synchronised."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
