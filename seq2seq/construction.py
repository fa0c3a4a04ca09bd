"""Objects from a configuration: what their constructors raise, without what jsonargparse puts around it."""

from collections.abc import Iterator
from contextlib import contextmanager

UNION = "Does not validate against any of the Union subtypes"  # begins its message about an optional class
WRAPPED = (UNION, "Problem with given class_path")


@contextmanager
def constructors_errors() -> Iterator[None]:
    """Raise what a constructor raised within the block as it was, and not as a message about types."""
    try:
        yield
    except ValueError as error:
        raised: BaseException = error
        while raised.__cause__ is not None and str(raised).startswith(WRAPPED):
            raised = raised.__cause__
        if raised is error:
            raise
        raise raised from raised.__cause__
