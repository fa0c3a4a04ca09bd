"""The exception for what a user can mend, also of the operating system, and the one for a string in place of lines."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


class UserError(ValueError):
    """A mistake that a user can mend, said in one sentence: what was wanted, what was given and where.

    It is the only exception that the command line prints without a traceback. It is raised where the facts are known;
    an exception of a library or of the operating system becomes one only where its cause is known to be the user's.
    """


@contextmanager
def system_errors(doing: str) -> Iterator[None]:
    """Raise a UserError for whatever the operating system refuses within the block, as a full disk or a lacking right.

    Args:
        doing: What the block does, as the sentence begins: "cannot write FILE".
    """
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read the output has left, which is no mistake
    except OSError as error:
        named = isinstance(error.filename, str | bytes) and os.fsdecode(error.filename) in doing
        raise UserError(f"{doing}: {error.strerror if named else reason(error)}") from error


def reason(error: OSError) -> str:
    """Return what the operating system says of an error, with the file where it is known."""
    what = error.strerror or " ".join(str(error).split()) or type(error).__name__
    return f"{os.fsdecode(error.filename)}: {what}" if isinstance(error.filename, str | bytes) else what


def refuse_string(lines: object, name: str) -> None:
    """Raise a TypeError where one string stands for several, since its characters would be taken for them.

    Args:
        lines: What was given.
        name: What it is called in the sentence.
    """
    if isinstance(lines, str | bytes):
        raise TypeError(f"{name} must be a list of strings, not one string")
