"""The standard streams of a command, each of which may be closed, full or left by its reader."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Output:
    """Standard output that raises a UserError where it cannot be written, as on a full disk."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        with self._errors():
            return self.stream.write(text)

    def flush(self) -> None:
        with self._errors():
            self.stream.flush()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise  # whoever read the output has left, which is no mistake
        except OSError as error:
            from seq2seq.errors import UserError, reason  # seldom needed, and would slow down every start

            discard_output()
            raise UserError(f"cannot write to standard output: {reason(error)}") from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def standard_output() -> Iterator[None]:
    """Let what is printed in the block come out in UTF-8, all of it when the block ends, or raise a UserError."""
    before: Any = sys.stdout
    if before is None:
        from seq2seq.errors import UserError

        raise UserError("standard output is closed; it can be sent to /dev/null")
    if isinstance(before, io.TextIOWrapper):
        # UTF-8 whatever the terminal says; bytes of the command line that are none come out as they went in
        before.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
        sys.stdout = Output(before)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    finally:
        sys.stdout = before


def occupy_closed_streams() -> None:
    """Let no file that is opened later take the place of a closed standard stream, and be written by mistake."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # both take the lowest number that is free, and nothing can be read from a socket as /dev/stdin
            os.open(os.devnull, os.O_RDWR) if number else _unconnected_socket()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - or print would take standard output instead


def _unconnected_socket() -> int:
    import socket  # seldom needed, and would slow down every start

    return socket.socket().detach()


def discard_output() -> None:
    """Send what is still to be written nowhere, or the interpreter would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
