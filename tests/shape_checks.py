"""The runtime check of shapes and types that conftest.py applies to all functions of the package."""

from collections.abc import Callable
from typing import Any

import beartype
from beartype.roar import BeartypeDecorHintPepUnsupportedException

BEARTYPE = beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))  # an int is a float too


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Check every call, except of functions with a type that beartype does not support: a generic NamedTuple."""
    try:
        return BEARTYPE(function)
    except BeartypeDecorHintPepUnsupportedException:
        return function
