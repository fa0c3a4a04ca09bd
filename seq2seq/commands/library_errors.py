"""Adapter of errors that Lightning and torch raise for options of the user: a UserError of one sentence."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from lightning_fabric.utilities.exceptions import MisconfigurationException

from seq2seq.errors import UserError, reason
from seq2seq.ranges import shorten

LIGHTNING = frozenset({"pytorch_lightning", "lightning_fabric", "lightning_utilities"})
LIBRARIES = LIGHTNING | {"torch"}
# errors of any type during a training that are caused by options
OPTION_ERRORS = re.compile(
    r"monitored key|conditioned on metric|`val_check_interval`|`limit_\w+`|`overfit_batches`|You requested to check"
    r"|the learning rate finder|has no attribute 'backbone'|does not support dense gradients|^Tried to step \d+ times"
)


@contextmanager
def option_errors(option: str, libraries: frozenset[str] = LIBRARIES) -> Iterator[None]:
    """Raise a UserError for any error of a library in the block, which only builds objects from options.

    Args:
        option: Name of the option, which starts the message.
        libraries: Packages whose errors are converted.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if raising_package(error.__traceback__) not in libraries:
            raise
        raise UserError(f"{option}: {one_line(error)}") from error


@contextmanager
def training_errors() -> Iterator[None]:
    """Raise a UserError for errors of Lightning and torch in a training that are caused by options.

    These are Lightning's misconfiguration errors, missing packages, files that cannot be written, and messages that
    match `OPTION_ERRORS`. Bugs of this package are raised elsewhere and keep their traceback.
    """
    try:
        yield
    except Exception as error:
        if raising_package(error.__traceback__) not in LIBRARIES:
            raise
        if isinstance(error, OSError):
            raise UserError(f"training failed: {reason(error)}") from error
        if not isinstance(error, MisconfigurationException | ImportError) and not OPTION_ERRORS.search(str(error)):
            raise
        raise UserError(one_line(error)) from error


def raising_package(traceback: TracebackType | None) -> str:
    """Return the innermost package among seq2seq and the libraries in a traceback; empty if there is none."""
    innermost = ""
    while traceback is not None:
        package = str(traceback.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        innermost = package if package in LIBRARIES | {"seq2seq"} else innermost
        traceback = traceback.tb_next
    return innermost


def one_line(error: Exception) -> str:
    """Return an error's message on one line of at most 303 characters."""
    return shorten(str(error).strip().rstrip("."), 300) or type(error).__name__
