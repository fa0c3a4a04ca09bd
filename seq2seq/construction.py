"""Errors of constructors that jsonargparse calls, without the messages that it wraps around them."""

from collections.abc import Iterator
from contextlib import contextmanager

UNION_ERROR = (
    "Does not validate against any of the Union subtypes"  # starts jsonargparse's message about an optional class
)
WRAPPER_ERRORS = (UNION_ERROR, "Problem with given class_path")


@contextmanager
def constructor_errors() -> Iterator[None]:
    """Re-raise the original error of a constructor called in the block, instead of jsonargparse's error about types."""
    try:
        yield
    except ValueError as error:
        original: BaseException = error
        while original.__cause__ is not None and str(original).startswith(WRAPPER_ERRORS):
            original = original.__cause__
        if original is error:
            raise
        raise original from original.__cause__
