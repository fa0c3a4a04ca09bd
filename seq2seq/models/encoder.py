"""The source, read from both ends."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.attention import Encoding
from seq2seq.dropout import VariationalDropout
from seq2seq.recurrence import Bidirectional, LayerFactory


class Encoder(nn.Module):
    """Bidirectional layers on top of each other (Bahdanau et al., 2015; Wu et al., 2016).

    Args:
        input_size: Number of features of a source word.
        size: Number of features of what comes out, half from each direction.
        layers: What reads, from the input up.
        dropout: Probability of dropping an output of a layer, with one mask for a whole sentence.
        norm: Normalise what goes into every layer and what leaves the last one.
        residual: Add what went into a layer to what comes out of it, where the sizes allow it.
    """

    def __init__(
        self,
        input_size: int,
        size: int,
        layers: Sequence[LayerFactory],
        dropout: float = 0.0,
        norm: bool = False,
        residual: bool = False,
    ) -> None:
        super().__init__()
        sizes = [input_size] + [size] * len(layers)
        self.layers = nn.ModuleList(
            Bidirectional(layer, below, size) for layer, below in zip(layers, sizes, strict=False)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(n) if norm else nn.Identity() for n in sizes)
        self.dropout = VariationalDropout(dropout)
        self.residual = residual

    def forward(self, x: Float[Tensor, "batch source input"], lengths: Int[Tensor, " batch"]) -> Encoding:
        """The states of each word; the summary is where each direction of the last layer ended."""
        for layer, norm in zip(self.layers, self.norms, strict=False):
            y = self.dropout(layer(norm(x), lengths))
            x = x + y if self.residual and x.shape == y.shape else y
        x = self.norms[-1](x)
        ends = (lengths - 1)[:, None, None].expand(-1, 1, x.shape[2])
        ahead, _ = x.gather(1, ends).squeeze(1).chunk(2, dim=-1)
        _, back = x[:, 0].chunk(2, dim=-1)
        real = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        return Encoding(x, torch.cat([ahead, back], dim=-1), real)
