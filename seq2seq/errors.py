"""UserError, the exception for errors that a user can correct, and conversion of OSErrors to it."""

import os
from collections.abc import Iterator
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


def reason(error: OSError) -> str:
    """Return the operating system's message of an error, with the file name if the error has one."""
    message = error.strerror or " ".join(str(error).split()) or type(error).__name__
    return f"{os.fsdecode(error.filename)}: {message}" if isinstance(error.filename, str | bytes) else message


def refuse_string(lines: object, name: str) -> None:
    """Raise a TypeError for one string in place of a list, since its characters would be taken for the items.

    Args:
        lines: The argument to check.
        name: Its name in the message.
    """
    if isinstance(lines, str | bytes):
        raise TypeError(f"{name} must be a list of strings, not one string")
