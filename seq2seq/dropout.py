"""Dropout for sequences: one mask a sequence, a layer's weights, whole words."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.errors import UserError


def check_probability(p: float) -> float:
    """Return `p` when it is a probability below one, and raise a ValueError otherwise."""
    if not 0 <= p < 1:
        raise UserError(f"a dropout probability must be at least 0 and below 1, and {p} was given")
    return p


class VariationalDropout(nn.Module):
    """Drops the same units at every step of a sequence (Gal and Ghahramani, 2016), which is also the cheapest mask."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = check_probability(p)

    def forward(self, x: Float[Tensor, "batch time size"]) -> Float[Tensor, "batch time size"]:
        if not self.training or self.p == 0:
            return x
        keep = 1 - self.p
        return x * (torch.empty_like(x[:, :1]).bernoulli_(keep) / keep)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class WeightDropout(nn.Module):
    """Drops single weights of a matrix for a whole forward pass (Merity et al., 2018, AWD-LSTM).

    The weight goes in and a masked copy comes out, so that no module's own parameter is ever replaced.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = check_probability(p)

    def forward(self, weight: Tensor) -> Tensor:
        return F.dropout(weight, self.p, self.training)

    @property
    def active(self) -> bool:
        return self.training and self.p > 0

    def extra_repr(self) -> str:
        return f"p={self.p}"


class WordDropout(nn.Module):
    """Replaces whole tokens by `replacement` (Iyyer et al., 2015; Bowman et al., 2016); padding, 0, stays."""

    def __init__(self, p: float, replacement: int) -> None:
        super().__init__()
        self.p = check_probability(p)
        self.replacement = replacement

    def forward(self, ids: Int[Tensor, "batch time"]) -> Int[Tensor, "batch time"]:
        if not self.training or self.p == 0:
            return ids
        dropped = (torch.rand(ids.shape, device=ids.device) < self.p) & (ids != 0)
        return ids.masked_fill(dropped, self.replacement)

    def extra_repr(self) -> str:
        return f"p={self.p}, replacement={self.replacement}"
