"""Lines of standard input or files, and where results go: one line out for every line in."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from rich.console import Console
from rich.progress import track

from seq2seq.files import whole

T = TypeVar("T")


def text_lines(path: str | None) -> Iterator[str]:
    """Lines without their ends, from a file or standard input; broken UTF-8 becomes U+FFFD, and no line is lost."""
    if path is not None and os.path.isdir(path):
        raise IsADirectoryError(f"{path} is a folder where a file is meant")
    source: IO[bytes] = sys.stdin.buffer if path in (None, "-") else open(str(path), "rb")  # noqa: SIM115
    with source:
        for line in source:
            yield line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", errors="replace")


@contextmanager
def output(path: str | None) -> Iterator[IO[str]]:
    """Standard output, or a file that is whole or absent."""
    if path is None or path == "-":
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
        yield sys.stdout
        sys.stdout.flush()
        return
    with whole(Path(path)) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield file


def watched(items: Iterable[T], what: str, total: int | None = None) -> Iterable[T]:
    """The same items, with a progress bar on standard error if that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        return items
    return track(items, what, total=total, console=console, transient=True)
