"""Opening a named pipe (FIFO) that nobody else has opened yet, which waits, and says so."""

import errno
import os
import select
import stat
import time

from seq2seq.rank_zero import rank_zero_log

PATIENCE = 1.0  # seconds before it is said that something waits
FLAGS = os.O_NONBLOCK | os.O_CLOEXEC


def is_pipe(path: str | os.PathLike[str]) -> bool:
    """Whether a path leads to a named pipe; raises an OSError where nothing is."""
    return stat.S_ISFIFO(os.stat(path).st_mode)


def open_for_reading(path: str | os.PathLike[str]) -> int:
    """Return the descriptor of a named pipe once something has been written into it."""
    pipe = os.open(path, os.O_RDONLY | FLAGS)
    try:
        poll = select.poll()
        poll.register(pipe, select.POLLIN)  # and the end of all who write
        if not poll.poll(1000 * PATIENCE):
            rank_zero_log(f"waiting for a process that writes into {os.fspath(path)}")
            poll.poll()
        os.set_blocking(pipe, True)
    except BaseException:
        os.close(pipe)
        raise
    return pipe


def open_for_writing(path: str | os.PathLike[str]) -> int:
    """Return the descriptor of a named pipe once another process reads from it."""
    begin = time.monotonic()
    while time.monotonic() - begin < PATIENCE:
        try:
            pipe = os.open(path, os.O_WRONLY | FLAGS)
        except OSError as error:
            if error.errno != errno.ENXIO:  # there is no reader
                raise
            time.sleep(0.01)
        else:
            os.set_blocking(pipe, True)
            return pipe
    rank_zero_log(f"waiting for a process that reads from {os.fspath(path)}")
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC)
