"""Open named pipes (FIFOs), with a notice while waiting for the other end."""

import errno
import os
import select
import stat
import time

from seq2seq.rank_zero import rank_zero_log

NOTICE_SECONDS = 1.0  # seconds of waiting before a notice is printed
OPEN_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC


def is_pipe(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a named pipe; raises an OSError if it does not exist."""
    return stat.S_ISFIFO(os.stat(path).st_mode)


def open_for_reading(path: str | os.PathLike[str]) -> int:
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


def open_for_writing(path: str | os.PathLike[str]) -> int:
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
