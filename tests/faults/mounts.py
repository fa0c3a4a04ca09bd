"""File systems in memory, mounted in a namespace of one process and its children."""

import ctypes
import os
import tempfile
from pathlib import Path

from .case import NotTriedError

_NEW_NAMESPACE = 0x00020000  # CLONE_NEWNS
_REMOUNT, _BIND = 0x20, 0x1000
_RECURSIVE_PRIVATE = 0x4000 | 0x40000  # MS_REC | MS_PRIVATE


def unshare() -> None:
    """Give this process its own mount namespace."""
    _check(_libc().unshare(_NEW_NAMESPACE))
    _check(_libc().mount(b"none", b"/", None, _RECURSIVE_PRIVATE, None))


def mount(target: Path, kibibytes: int, mode: int = 0o777) -> None:
    """Mount an empty tmpfs of this size."""
    _check(_libc().mount(b"tmpfs", os.fsencode(target), b"tmpfs", 0, f"size={kibibytes}k,mode={mode:o}".encode()))


def resize(target: Path, kibibytes: int) -> None:
    """Change the size of a mounted tmpfs."""
    _check(_libc().mount(b"tmpfs", os.fsencode(target), b"tmpfs", _REMOUNT, f"size={kibibytes}k".encode()))


def grant_access(*folders: Path) -> None:
    """Make folders accessible to all users, even below a folder that other users may not enter."""
    for folder in folders:
        closed = next((parent for parent in reversed(folder.parents) if not parent.stat().st_mode & 0o001), None)
        if closed is None:
            continue
        copy = Path(tempfile.mkdtemp(prefix="bind-"))
        _bind(folder, copy)
        mount(closed, 64, 0o755)
        folder.mkdir(parents=True)
        _bind(copy, folder)


def _bind(source: Path, target: Path) -> None:
    _check(_libc().mount(os.fsencode(source), os.fsencode(target), None, _BIND, None))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(status: int) -> None:
    if status != 0:
        raise NotTriedError(f"no file system can be mounted here: {os.strerror(ctypes.get_errno())}")
