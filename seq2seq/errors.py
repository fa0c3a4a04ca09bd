"""UserError, the exception for errors that a user can correct, conversion of OSErrors to it, and parts of messages."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class UserError(ValueError):
    """An error that a user can correct, in one sentence: what was expected, what was given and where.

    It is the only exception that the command line prints without a traceback. An exception of a library or of the
    operating system is converted to it only where the user is known to be the cause.
    """


@contextmanager
def system_errors(failure: str) -> Iterator[None]:
    """Raise a UserError for any OSError in the block, such as a full disk or a missing permission.

    Args:
        failure: Start of the message: "cannot write FILE".
    """
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of the output has closed it: no error
    except OSError as error:
        named = isinstance(error.filename, str | bytes) and os.fsdecode(error.filename) in failure
        raise UserError(f"{failure}: {error.strerror if named else reason(error)}") from error


@contextmanager
def prefix_errors(failure: str) -> Iterator[None]:
    """Put `failure` and a colon before the message of every UserError in the block.

    Args:
        failure: Start of the message: "cannot average FILE".
    """
    try:
        yield
    except UserError as error:
        raise UserError(f"{failure}: {error}") from error


def reason(error: OSError) -> str:
    """Return the operating system's message of an error, with the file name if the error has one."""
    message = error.strerror or " ".join(str(error).split()) or type(error).__name__
    return f"{os.fsdecode(error.filename)}: {message}" if isinstance(error.filename, str | bytes) else message


def closest_name(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known name that a misspelled one resembles most, whatever its case; None if it resembles none.

    Args:
        name: The misspelled name.
        known: The names that exist.
        cutoff: The lowest similarity, from 0 to 1, as in `difflib.get_close_matches`.
    """
    import difflib  # only needed for errors

    by_lowercase = {known_name.lower(): known_name for known_name in known}
    matches = difflib.get_close_matches(name.lower(), by_lowercase, n=1, cutoff=cutoff)
    return by_lowercase[matches[0]] if matches else None


def refuse_string(lines: object, name: str) -> None:
    """Raise a TypeError for one string in place of a list, since its characters would be taken for the items.

    Args:
        lines: The argument to check.
        name: Its name in the message.
    """
    if isinstance(lines, str | bytes):
        raise TypeError(f"{name} must be a list of strings, not one string")
