"""The standard streams of a command, each of which may be closed, full or without a reader."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Output:
    """Standard output that raises a UserError if it cannot be written, as on a full disk."""

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
            raise  # the reader of the output has closed it: no error
        except OSError as error:
            from seq2seq.errors import UserError, reason  # rarely needed, and would slow down every start

            discard_output()
            raise UserError(f"cannot write to standard output: {reason(error)}") from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def standard_output() -> Iterator[None]:
    """Write standard output as UTF-8 in the block, flush it at the end, and raise a UserError if that fails."""
    original: Any = sys.stdout
    if original is None:
        from seq2seq.errors import UserError

        raise UserError("standard output is closed; redirect it to /dev/null to discard it")
    if isinstance(original, io.TextIOWrapper):
        # UTF-8 whatever the locale; invalid bytes of the command line are written unchanged
        original.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
        sys.stdout = Output(original)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    finally:
        sys.stdout = original


def fill_closed_streams() -> None:
    """Open something for each closed standard stream, so that no other file gets its descriptor by mistake."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            if descriptor == 0:
                _open_socket()  # cannot be opened again by the name /dev/stdin, as /dev/null could
            else:
                os.open(os.devnull, os.O_RDWR)  # gets the lowest free descriptor, as the socket does
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - otherwise print(file=None) writes to standard output


def _open_socket() -> int:
    """Open a socket without a connection, and return its descriptor."""
    import socket  # rarely needed, and would slow down every start

    return socket.socket().detach()


def discard_output() -> None:
    """Redirect standard output to /dev/null, so that the interpreter does not try to flush it again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
