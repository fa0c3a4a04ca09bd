"""Lines of standard input or files, and where results go: one line out for every line in."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import IO

from seq2seq.data.text import decoded_lines, open_file, without_line_end
from seq2seq.errors import UserError, system_errors
from seq2seq.storage import open_output


def text_lines(path: str | None) -> Iterator[str]:
    """Yield lines without their ends, from a file or standard input, as `exact_lines` does."""
    return map(without_line_end, exact_lines(path))


def exact_lines(path: str | None) -> Iterator[str]:
    """Yield lines with their ends, which joined are the very text without a byte-order mark.

    What is not UTF-8 raises a UserError that names the line.
    """
    with binary(path) as source, system_errors(f"cannot read {name_of(path)}"):
        yield from decoded_lines(source, name_of(path))


def binary(path: str | None) -> AbstractContextManager[IO[bytes]]:
    """Open a file for reading, or give standard input, which stays open."""
    if not is_standard(path):
        return open_file(str(path))
    if sys.stdin is None:
        raise UserError("standard input is closed, and no file was named")
    return nullcontext(sys.stdin.buffer)


def is_standard(path: str | None) -> bool:
    """Whether standard input or output is meant."""
    return path is None or path == "-"


def name_of(path: str | None) -> str:
    return "standard input" if is_standard(path) else str(path)


def count(path: str | None) -> int | None:
    """Return the number of lines; None where they cannot be read twice."""
    if not is_standard(path) and not os.path.isfile(str(path)):
        return None
    with binary(path) as source:
        if not source.seekable():
            return None
        begin = source.tell()
        lines = sum(1 for _ in source)
        source.seek(begin)
        return lines


def check_distinct(files: Mapping[str, str | None]) -> None:
    """Raise a UserError where two options name one file, in which only what is written last would be left.

    Args:
        files: What each option names; a device or a FIFO may be named twice.
    """
    options: dict[str, str] = {}
    for option, path in files.items():
        if path is None or is_standard(path) or (os.path.exists(path) and not os.path.isfile(path)):
            continue
        if (other := options.setdefault(os.path.realpath(path), option)) != option:
            raise UserError(f"{other} and {option} must be two files, and both are {path}")


@contextmanager
def output(path: str | None) -> Iterator[IO[str]]:
    """Give standard output, or a file that is whole or absent."""
    if path is None or is_standard(path):
        yield sys.stdout
        sys.stdout.flush()
        return
    with open_output(path) as file:
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
