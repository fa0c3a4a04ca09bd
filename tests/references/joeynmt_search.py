"""JoeyNMT's beam search, with the standard library in place of the backport that it imports."""

import importlib.metadata
import sys

sys.modules["importlib_metadata"] = importlib.metadata

from joeynmt.search import beam_search  # noqa: E402

__all__ = ["beam_search"]
