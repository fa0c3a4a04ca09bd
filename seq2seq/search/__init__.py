"""Searches: from a function that scores the next token to sequences, independent of the model."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from seq2seq.search.constraints import Constraints
from seq2seq.search.searches import Beam, Greedy, Sampling, Search

if TYPE_CHECKING:
    from seq2seq.search.problem import DecodingProblem, Hypothesis, Step
    from seq2seq.search.sampling import Draw, sample

_EXPORTS = {"DecodingProblem": "problem", "Hypothesis": "problem", "Step": "problem"}
_EXPORTS |= {"Draw": "sampling", "sample": "sampling"}
__all__ = [
    "Beam",
    "Constraints",
    "DecodingProblem",
    "Draw",
    "Greedy",
    "Hypothesis",
    "Sampling",
    "Search",
    "Step",
    "sample",
]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used, since the options of searches need no torch."""
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)
