"""Batches: tensors of token ids, padded with PAD, that data modules give to models."""

from typing import NamedTuple

from jaxtyping import Int
from torch import Tensor


class LanguageBatch(NamedTuple):
    """The next steps of parallel streams of text; targets[b, t] follows inputs[b, t], and PAD has no loss."""

    inputs: Int[Tensor, "batch time"]
    targets: Int[Tensor, "batch time"]
    start: bool  # the streams start here, from the initial state
    tokens: int  # number of targets in the global batch, over all ranks


class TranslationBatch(NamedTuple):
    """Source sentences and their translations."""

    source: Int[Tensor, "batch source"]
    lengths: Int[Tensor, " batch"]  # of the sources
    inputs: Int[Tensor, "batch target"]  # BOS and the translation
    targets: Int[Tensor, "batch target"]  # the translation and EOS; PAD has no loss
    tokens: int  # number of targets in the global batch, over all ranks
