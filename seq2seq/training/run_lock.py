"""A folder that is written to for hours has one owner: a process that holds a lock, which dies with it."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seq2seq.errors import UserError, reason, system_errors
from seq2seq.rank_zero import rank_zero_log

LOCK = ".lock"  # names its owner, for whoever comes second


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Own a folder, which is there, until the block ends; only processes can be refused, not threads of one.

    It is a POSIX lock: the system releases it when the process ends, however it ends, and a process that was forked
    does not hold it. Across machines it holds where the file system has such locks, as NFS with a lock service has;
    where it has none, that is said and nothing is locked.

    Raises:
        UserError: naming the owner, if another process has the folder.
    """
    try:
        import fcntl
    except ImportError:  # on Windows
        rank_zero_log(f"{folder} cannot be locked on this system, so take care that only one process trains there")
        yield
        return
    with system_errors(f"cannot write {folder / LOCK}"):
        file = open(folder / LOCK, "a+", encoding="utf-8")  # noqa: SIM115
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            file.seek(0)
            owner = " ".join(file.read(1000).split()) or "another process"
            raise UserError(f"{folder} is being written by {owner}: wait until it has ended, or stop it") from error
        except OSError as error:
            rank_zero_log(
                f"{folder} cannot be locked ({reason(error)}), so take care that only one process trains there"
            )
        _describe(file.fileno(), f"process {os.getpid()} on {socket.gethostname()}, since {time.strftime('%F %T')}\n")
        try:
            yield
        finally:
            _describe(file.fileno(), "")


def _describe(handle: int, owner: str) -> None:
    """Write who owns the folder; whoever cannot, as on a full disk, owns it nonetheless."""
    try:
        os.ftruncate(handle, 0)
        os.write(handle, owner.encode())
    except OSError:
        pass
