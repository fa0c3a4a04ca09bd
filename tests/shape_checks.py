"""The checker of shapes and types that conftest.py puts around our functions."""

from collections.abc import Callable
from typing import Any

import beartype
from beartype.roar import BeartypeDecorHintPepUnsupportedException


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Check every call, except where a type is beyond beartype, which is a generic NamedTuple."""
    try:
        return beartype.beartype(function)
    except BeartypeDecorHintPepUnsupportedException:
        return function
