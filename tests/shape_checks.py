"""The checker of shapes and types that conftest.py puts around our functions."""

from collections.abc import Callable
from typing import Any

import beartype
from beartype.roar import BeartypeDecorHintPepUnsupportedException

CHECKED = beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))  # an int is a float too


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Check every call, except where a type is beyond beartype, which is a generic NamedTuple."""
    try:
        return CHECKED(function)
    except BeartypeDecorHintPepUnsupportedException:
        return function
