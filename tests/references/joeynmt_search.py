"""JoeyNMT's beam search, with the standard library in the place of a backport of it."""

import importlib.metadata
import sys

sys.modules["importlib_metadata"] = importlib.metadata

from joeynmt.search import beam_search  # noqa: E402

__all__ = ["beam_search"]
