"""What data hands to models: tensors of ids, padded with PAD, that go to a device together."""

from typing import NamedTuple

from jaxtyping import Int
from torch import Tensor


class LanguageBatch(NamedTuple):
    """The next steps of parallel streams of text; targets[b, t] follows inputs[b, t], and PAD asks for nothing."""

    inputs: Int[Tensor, "batch time"]
    targets: Int[Tensor, "batch time"]
    start: bool  # the streams begin here, so that nothing is remembered
    tokens: int  # targets in the whole global batch, all ranks together


class TranslationBatch(NamedTuple):
    """Sentences beside their translations."""

    source: Int[Tensor, "batch source"]
    lengths: Int[Tensor, " batch"]  # of the sources
    inputs: Int[Tensor, "batch target"]  # the translation behind the begin mark
    targets: Int[Tensor, "batch target"]  # the translation before the end mark; PAD asks for nothing
    tokens: int  # targets in the whole global batch, all ranks together
