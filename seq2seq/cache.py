"""What can be made again is kept in one folder, and made by one process only."""

import os
from collections.abc import Callable
from pathlib import Path

from seq2seq.files import whole


def cache_folder() -> Path:
    """The folder for what can be made again: $SEQ2SEQ_CACHE, $XDG_CACHE_HOME/seq2seq or ~/.cache/seq2seq."""
    if own := os.environ.get("SEQ2SEQ_CACHE"):
        return Path(own).expanduser()
    if common := os.environ.get("XDG_CACHE_HOME"):
        return Path(common).expanduser() / "seq2seq"
    return Path.home() / ".cache" / "seq2seq"


def cached_file(name: str, write: Callable[[Path], None]) -> Path:
    """The file of this name in the cache, which one process writes if it is not there yet, whole or not at all.

    Args:
        name: a path inside the cache, with a hash in it of all that the file depends on.
        write: writes what belongs there to the path that it is given; not called if the file is there.
    """
    path = cache_folder() / name
    if not path.exists():
        from filelock import FileLock  # slow to import, and seldom needed

        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not path.exists():  # another process may have written it meanwhile
                with whole(path) as temporary:
                    write(temporary)
    return path
