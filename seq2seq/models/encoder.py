"""The source, read from both ends."""

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.models.hyperparameters import made_by
from seq2seq.nn.attention import Encoding
from seq2seq.ranges import Count, DropProbability, NonNegative, checked
from seq2seq.recurrence import Bidirectional, LayerFactory, ReaderFactory, SelfAttention
from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.recurrence.residual_block import ResidualBlock


class Encoder(nn.Module):
    """Layers on top of each other that see the whole source (Bahdanau et al., 2015; Wu et al., 2016).

    A recurrence reads from both ends; attention looks everywhere at once.

    Args:
        input_size: Number of features of a source word.
        size: Number of features of what comes out, half from each direction of a recurrence.
        layers: What reads, from the input up.
        dropout: Probability of dropping an output of a layer, with one mask for a whole sentence.
        norm: Normalise what goes into every layer and what leaves the last one.
        residual: Add what went into a layer to what comes out of it, where the sizes allow it.
        feed_forward: Inner features, for each feature, of a gated feed-forward after every layer; 0 for none.
    """

    @checked
    def __init__(
        self,
        input_size: Count,
        size: Count,
        layers: Sequence[ReaderFactory],
        dropout: DropProbability = 0.0,
        norm: bool = False,
        residual: bool = False,
        feed_forward: NonNegative = 0.0,
    ) -> None:
        super().__init__()
        sizes = [input_size] + [size] * (len(layers) - 1)
        self.layers = nn.ModuleList(reader(layer, below, size) for layer, below in zip(layers, sizes, strict=True))
        around = nn.ModuleList(ResidualBlock(below, size, dropout, norm, residual, feed_forward) for below in sizes)
        self.around = cast("Sequence[ResidualBlock]", around)  # which a ModuleList's type cannot say
        self.norm = nn.LayerNorm(size) if norm else nn.Identity()

    def forward(self, x: Float[Tensor, "batch source input"], lengths: Int[Tensor, " batch"]) -> Encoding:
        """The states of each word; the summary is where each direction of the last layer ended.

        Of attention, which has no direction, it is half of the last word's state and half of the first one's. A source
        without a word has a summary of zeros. Padding may be anything.
        """
        lengths = lengths.to(x.device)
        x = fill_padding(x, lengths, 0.0)
        for layer, around in zip(self.layers, self.around, strict=True):
            x = around(x, layer(around.before(x), lengths))
        x = self.norm(x)
        real = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        if not x.shape[1]:
            return Encoding(x, x.sum(dim=1), real)
        ends = (lengths - 1).clamp(min=0)[:, None, None].expand(-1, 1, x.shape[2])
        ahead, _ = x.gather(1, ends).squeeze(1).chunk(2, dim=-1)
        _, back = x[:, 0].chunk(2, dim=-1)
        summary = torch.cat([ahead, back], dim=-1).masked_fill((lengths == 0)[:, None], 0.0)
        return Encoding(x, summary, real)


def reader(layer: ReaderFactory, input_size: int, size: int) -> nn.Module:
    """A layer that sees a whole row: attention as it is, a recurrence from both ends."""
    kind = made_by(layer)
    sees_all = isinstance(kind, type) and issubclass(kind, SelfAttention)
    return layer(input_size, size) if sees_all else Bidirectional(cast("LayerFactory", layer), input_size, size)
