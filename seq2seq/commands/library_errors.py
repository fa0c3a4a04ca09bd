"""What Lightning and torch refuse of the options that a user gives them, as one sentence."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from lightning_fabric.utilities.exceptions import MisconfigurationException

from seq2seq.errors import UserError, reason

LIGHTNING = frozenset({"pytorch_lightning", "lightning_fabric", "lightning_utilities"})
LIBRARIES = LIGHTNING | {"torch"}
# what is noticed when a training begins or goes on, and raised as an error of any kind
KNOWN = re.compile(
    r"monitored key|conditioned on metric|`val_check_interval`|`limit_\w+`|`overfit_batches`|You requested to check"
    r"|the learning rate finder|has no attribute 'backbone'|does not support dense gradients"
)


@contextmanager
def refused_options(of: str, libraries: frozenset[str] = LIBRARIES) -> Iterator[None]:
    """Raise a UserError for what a library itself raises in the block, which only makes objects of its options.

    Args:
        of: What is made, as the sentence begins.
        libraries: Whose errors are meant.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if origin(error.__traceback__) not in libraries:
            raise
        raise UserError(f"{of}: {sentence(error)}") from error


@contextmanager
def refused_training() -> Iterator[None]:
    """Raise a UserError for those errors of Lightning and torch in a training that are known to come from options.

    These are what Lightning raises for a misuse, a package that is not installed, files that it cannot write, and what
    `KNOWN` has. A mistake of ours is raised elsewhere and keeps its traceback.
    """
    try:
        yield
    except Exception as error:
        if origin(error.__traceback__) not in LIBRARIES:
            raise
        if isinstance(error, OSError):
            raise UserError(f"training cannot go on: {reason(error)}") from error
        if not isinstance(error, MisconfigurationException | ImportError) and not KNOWN.search(str(error)):
            raise
        raise UserError(sentence(error)) from error


def origin(traceback: TracebackType | None) -> str:
    """Return which package raised an exception, itself or by what it called: ours, or one of the libraries."""
    found = ""
    while traceback is not None:
        package = str(traceback.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        found = package if package in LIBRARIES | {"seq2seq"} else found
        traceback = traceback.tb_next
    return found


def sentence(error: Exception) -> str:
    """Return what an error says, on one line that is not too long."""
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]}..."
