"""Dropout for sequences: one mask per sequence, dropout of weights, dropout of whole tokens."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.ranges import DropProbability, checked
from seq2seq.special_tokens import NUM_SPECIAL


class VariationalDropout(nn.Module):
    """Dropout with one mask for all steps of a sequence (Gal and Ghahramani, 2016), which is also the cheapest mask."""

    @checked
    def __init__(self, p: DropProbability) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Float[Tensor, "batch time size"]) -> Float[Tensor, "batch time size"]:
        if not self.training or self.p == 0:
            return x
        keep = 1 - self.p
        return x * (torch.empty_like(x[:, :1]).bernoulli_(keep) / keep)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class WeightDropout(nn.Module):
    """DropConnect: drop single weights of a matrix for a whole forward pass (Merity et al., 2018, AWD-LSTM).

    It takes a weight and returns a masked copy, so that no module's own parameter is ever replaced.
    """

    @checked
    def __init__(self, p: DropProbability) -> None:
        super().__init__()
        self.p = p

    def forward(self, weight: Tensor) -> Tensor:
        return F.dropout(weight, self.p, self.training)

    @property
    def active(self) -> bool:
        return self.training and self.p > 0

    def extra_repr(self) -> str:
        return f"p={self.p}"


class WordDropout(nn.Module):
    """Replace whole tokens by `replacement` (Iyyer et al., 2015; Bowman et al., 2016), never special ones.

    Special tokens (PAD, BOS, EOS) mark where text is, which the model must see.
    """

    @checked
    def __init__(self, p: DropProbability, replacement: int) -> None:
        super().__init__()
        self.p = p
        self.replacement = replacement

    def forward(self, ids: Int[Tensor, "batch time"]) -> Int[Tensor, "batch time"]:
        if not self.training or self.p == 0:
            return ids
        dropped = (torch.rand(ids.shape, device=ids.device) < self.p) & (ids >= NUM_SPECIAL)
        return ids.masked_fill(dropped, self.replacement)

    def extra_repr(self) -> str:
        return f"p={self.p}, replacement={self.replacement}"
