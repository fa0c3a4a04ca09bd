"""A lock on the folder of a run, held by the process that trains it and released when that process ends."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seq2seq.errors import UserError, reason, system_errors
from seq2seq.standard_streams import rank_zero_log

LOCK = ".lock"  # contains a description of the owner, for error messages of other processes


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Lock an existing folder against other processes, not against threads of this one, until the block ends.

    It is a POSIX lock: the system releases it however the process ends, and forked processes do not inherit it. It
    works across machines if the file system supports such locks, as NFS with a lock service does; if locks are not
    supported, this is logged and nothing is locked.

    Raises:
        UserError: if another process holds the lock; the message names it.
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
        _write_owner(
            file.fileno(), f"process {os.getpid()} on {socket.gethostname()}, since {time.strftime('%F %T')}\n"
        )
        try:
            yield
        finally:
            _write_owner(file.fileno(), "")


def _write_owner(handle: int, owner: str) -> None:
    """Write the owner into the lock file; an error, as on a full disk, does not affect the lock itself."""
    try:
        os.ftruncate(handle, 0)
        os.write(handle, owner.encode())
    except OSError:
        pass
