"""Linear layers with a start that learns fast."""

from torch import nn


def linear(size_in: int, size_out: int, bias: bool = True, gain: float = 1.0) -> nn.Linear:
    """A linear layer with Glorot and Bengio's (2010) uniform start, which learns faster here than torch's smaller."""
    layer = nn.Linear(size_in, size_out, bias)
    nn.init.xavier_uniform_(layer.weight, gain)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer
