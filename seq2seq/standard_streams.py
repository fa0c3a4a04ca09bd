"""Standard streams, each of which may be closed, full or without a reader, and named pipes (FIFOs)."""

import errno
import io
import os
import select
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NOTICE_SECONDS = 1.0  # seconds of waiting before a notice is printed
OPEN_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC


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


def rank_zero_log(message: str) -> None:
    """Print a line on standard error, from the first process only; standard output is for results."""
    from lightning_utilities.core.rank_zero import rank_zero_only

    if getattr(rank_zero_only, "rank", 0) == 0:  # set by Lightning; without it there is one process
        print(message, file=sys.stderr, flush=True)


def is_pipe(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a named pipe; raises an OSError if it does not exist."""
    return stat.S_ISFIFO(os.stat(path).st_mode)


def open_pipe_for_reading(path: str | os.PathLike[str]) -> int:
    """Return the descriptor of a named pipe as soon as it has data, or its writers have closed it."""
    pipe = os.open(path, os.O_RDONLY | OPEN_FLAGS)
    try:
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        if not poll.poll(1000 * NOTICE_SECONDS):
            rank_zero_log(f"waiting for a process that writes to {os.fspath(path)}")
            poll.poll()
        os.set_blocking(pipe, True)
    except BaseException:
        os.close(pipe)
        raise
    return pipe


def open_pipe_for_writing(path: str | os.PathLike[str]) -> int:
    """Return the descriptor of a named pipe as soon as another process reads from it."""
    start = time.monotonic()
    while time.monotonic() - start < NOTICE_SECONDS:
        try:
            pipe = os.open(path, os.O_WRONLY | OPEN_FLAGS)
        except OSError as error:
            if error.errno != errno.ENXIO:  # there is no reader
                raise
            time.sleep(0.01)
        else:
            os.set_blocking(pipe, True)
            return pipe
    rank_zero_log(f"waiting for a process that reads from {os.fspath(path)}")
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC)
