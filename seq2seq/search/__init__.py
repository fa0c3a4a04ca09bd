"""Searches: from a function that scores the next token to sequences, independent of the model."""

from typing import TYPE_CHECKING

from seq2seq.lazy_exports import lazy_exports
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

__getattr__ = lazy_exports(__name__, _EXPORTS)
