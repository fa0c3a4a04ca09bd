"""Input lines from standard input or files, output files, and a progress bar."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import IO

from seq2seq.data.text import decoded_lines, open_file, without_line_end
from seq2seq.errors import UserError, system_errors
from seq2seq.storage import open_output


def text_lines(path: str | None) -> Iterator[str]:
    """Yield the lines of a file or standard input, without line ends; errors as in `lines_with_ends`."""
    return map(without_line_end, lines_with_ends(path))


def lines_with_ends(path: str | None) -> Iterator[str]:
    """Yield the lines of a file or standard input, with line ends and without a byte-order mark.

    Raises a UserError with the number of the line for text that is not UTF-8.
    """
    with open_binary(path) as source, system_errors(f"cannot read {stream_name(path)}"):
        yield from decoded_lines(source, stream_name(path))


def open_binary(path: str | None) -> AbstractContextManager[IO[bytes]]:
    """Open a file for reading, or return standard input, which is not closed afterwards."""
    if not is_standard_stream(path):
        return open_file(str(path))
    if sys.stdin is None:
        raise UserError("standard input is closed, and no file was named")
    return nullcontext(sys.stdin.buffer)


def is_standard_stream(path: str | None) -> bool:
    """Whether a path stands for standard input or output."""
    return path is None or path == "-"


def stream_name(path: str | None) -> str:
    return "standard input" if is_standard_stream(path) else str(path)


def count_lines(path: str | None) -> int | None:
    """Return the number of lines; None if they cannot be read twice."""
    if not is_standard_stream(path) and not os.path.isfile(str(path)):
        return None
    with open_binary(path) as source:
        if not source.seekable():
            return None
        start = source.tell()
        lines = sum(1 for _ in source)
        source.seek(start)
        return lines


def check_distinct_files(files: Mapping[str, str | None]) -> None:
    """Raise a UserError if two options name the same output file; a device or a FIFO may be named twice.

    Args:
        files: The path for each option.
    """
    options: dict[str, str] = {}
    for option, path in files.items():
        if path is None or is_standard_stream(path) or (os.path.exists(path) and not os.path.isfile(path)):
            continue
        if (other := options.setdefault(os.path.realpath(path), option)) != option:
            raise UserError(f"{other} and {option} must be two files, and both are {path}")


def check_other_file(option: str, output: str | None, inputs: Iterable[str | os.PathLike[str] | None]) -> None:
    """Raise a UserError if an output file is one of the inputs, which it would replace.

    Args:
        option: Option that names the output.
        output: The output; standard output is none of the inputs.
        inputs: Files to read, only examined if the output exists; - for standard input, which may be the output, too.
    """
    if output is None or is_standard_stream(output) or not os.path.isfile(output):
        return
    for path in inputs:
        file = "/dev/stdin" if path == "-" else path
        if file is not None and os.path.exists(file) and os.path.samefile(file, output):
            raise UserError(f"{option} must not be an input, and {output} is the same file as {file}")


@contextmanager
def open_text_output(path: str | None) -> Iterator[IO[str]]:
    """Yield standard output, or a file that is written atomically."""
    if path is None or is_standard_stream(path):
        yield sys.stdout
        sys.stdout.flush()
        return
    with open_output(path) as file:
        yield file


@contextmanager
def progress(task: str, total: Callable[[], int | None]) -> Iterator[Callable[[int], object]]:
    """Yield a function that advances a progress bar by a number of lines; the bar is shown only on a terminal."""
    if not sys.stderr.isatty():
        yield lambda lines: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    # standard output is for results, so rich must not redirect it
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task_id = bar.add_task(task, total=total())
        yield lambda lines: bar.advance(task_id, lines)
