"""File systems that only one process and its children see."""

import ctypes
import os
import tempfile
from pathlib import Path

from .case import NotTriedError

_NEW_NAMESPACE = 0x00020000  # CLONE_NEWNS
_REMOUNT, _BIND = 0x20, 0x1000
_RECURSIVE_PRIVATE = 0x4000 | 0x40000  # MS_REC | MS_PRIVATE


def unshare() -> None:
    """Let this process see mounts of its own."""
    _call(_libc().unshare(_NEW_NAMESPACE))
    _call(_libc().mount(b"none", b"/", None, _RECURSIVE_PRIVATE, None))


def mount(place: Path, kibibytes: int, mode: int = 0o777) -> None:
    """Mount an empty file system in memory that holds so much."""
    _call(_libc().mount(b"tmpfs", os.fsencode(place), b"tmpfs", 0, f"size={kibibytes}k,mode={mode:o}".encode()))


def grow(place: Path, kibibytes: int) -> None:
    """Give a mounted file system another size."""
    _call(_libc().mount(b"tmpfs", os.fsencode(place), b"tmpfs", _REMOUNT, f"size={kibibytes}k".encode()))


def open_up(*places: Path) -> None:
    """Let every user reach some folders, also those below a folder that others may not enter."""
    for place in places:
        closed = next((one for one in reversed(place.parents) if not one.stat().st_mode & 0o001), None)
        if closed is None:
            continue
        aside = Path(tempfile.mkdtemp(prefix="aside-"))
        _bind(place, aside)
        mount(closed, 64, 0o755)
        place.mkdir(parents=True)
        _bind(aside, place)


def _bind(source: Path, place: Path) -> None:
    _call(_libc().mount(os.fsencode(source), os.fsencode(place), None, _BIND, None))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(done: int) -> None:
    if done != 0:
        raise NotTriedError(f"no file system can be mounted here: {os.strerror(ctypes.get_errno())}")
