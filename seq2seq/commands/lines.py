"""Lines of standard input or files, and where results go: one line out for every line in."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO

from seq2seq.data.text import BYTE_ORDER_MARK, decode, open_file, without_line_end
from seq2seq.errors import UserError
from seq2seq.storage import atomic_write


def binary(path: str | None) -> AbstractContextManager[IO[bytes]]:
    """A file, or standard input, which stays open."""
    return nullcontext(sys.stdin.buffer) if path is None or path == "-" else open_file(path)


def raw_lines(path: str | None) -> Iterator[bytes]:
    """Lines with their ends, without a byte-order mark."""
    with binary(path) as source:
        for number, line in enumerate(source):
            yield line if number else line.removeprefix(BYTE_ORDER_MARK)


def text_lines(path: str | None) -> Iterator[str]:
    """Lines without their ends, from a file or standard input; broken UTF-8 becomes U+FFFD, and no line is lost."""
    return (without_line_end(line.decode("utf-8", errors="replace")) for line in raw_lines(path))


def exact_lines(path: str | None) -> Iterator[str]:
    """Lines with their ends, which joined are the very text; broken UTF-8 raises a ValueError that names the line."""
    name = "standard input" if path is None or path == "-" else path
    return (decode(line, name, number) for number, line in enumerate(raw_lines(path), start=1))


def count(path: str | None) -> int | None:
    """The number of lines, where they can be read twice."""
    with binary(path) as source:
        if not source.seekable():
            return None
        begin = source.tell()
        lines = sum(1 for _ in source)
        source.seek(begin)
        return lines


@contextmanager
def output(path: str | None) -> Iterator[IO[str]]:
    """Standard output, or a file that is whole or absent."""
    if path is None or path == "-":
        yield sys.stdout
        sys.stdout.flush()
        return
    if os.path.isdir(path):
        raise UserError(f"{path} is a folder where a file is meant")
    with atomic_write(Path(path)) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield file


@contextmanager
def progress(what: str, total: Callable[[], int | None]) -> Iterator[Callable[[int], object]]:
    """What to call with the number of lines that were done; it moves a bar on standard error if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda lines: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    # standard output is for results, so that rich leaves it alone
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(what, total=total())
        yield lambda lines: bar.advance(task, lines)
