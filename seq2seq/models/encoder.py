"""The encoder: bidirectional recurrent layers, or self-attention, over the source."""

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.models.hyperparameters import factory_class
from seq2seq.nn.attention import Encoding
from seq2seq.ranges import Count, DropProbability, NonNegative, checked
from seq2seq.recurrence import Bidirectional, EncoderLayerFactory, LayerFactory, SelfAttention
from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.recurrence.residual_block import ResidualBlock


class Encoder(nn.Module):
    """A stack of layers that each see the whole source (Bahdanau et al., 2015; Wu et al., 2016).

    A recurrence is bidirectional; self-attention attends to all positions at once.

    Args:
        input_size: Number of features of a source token.
        size: Number of output features, half from each direction of a recurrence.
        layers: The layers, from the input up.
        dropout: Dropout probability of a layer's output, with one mask for a whole sentence.
        norm: LayerNorm before every layer and after the last one.
        residual: Add a layer's input to its output, where the sizes allow it.
        feed_forward: Hidden features, as a multiple of size, of a gated feed-forward after every layer; 0 for none.
    """

    @checked
    def __init__(
        self,
        input_size: Count,
        size: Count,
        layers: Sequence[EncoderLayerFactory],
        dropout: DropProbability = 0.0,
        norm: bool = False,
        residual: bool = False,
        feed_forward: NonNegative = 0.0,
    ) -> None:
        super().__init__()
        input_sizes = [input_size] + [size] * (len(layers) - 1)
        self.layers = nn.ModuleList(
            encoder_layer(layer, size_in, size) for layer, size_in in zip(layers, input_sizes, strict=True)
        )
        blocks = nn.ModuleList(
            ResidualBlock(size_in, size, dropout, norm, residual, feed_forward) for size_in in input_sizes
        )
        self.blocks = cast("Sequence[ResidualBlock]", blocks)  # a ModuleList has no type for its elements
        self.norm = nn.LayerNorm(size) if norm else nn.Identity()

    def forward(self, x: Float[Tensor, "batch source input"], lengths: Int[Tensor, " batch"]) -> Encoding:
        """Return the states of all tokens and a summary: the final state of each direction of the last layer.

        Self-attention has no direction: its summary is half of the last token's state and half of the first one's. An
        empty source has a summary of zeros. Padding may be anything, not even finite.
        """
        lengths = lengths.to(x.device)
        x = fill_padding(x, lengths, 0.0)
        for layer, block in zip(self.layers, self.blocks, strict=True):
            x = block(x, layer(block.norm(x), lengths))
        x = self.norm(x)
        mask = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        if not x.shape[1]:
            return Encoding(x, x.sum(dim=1), mask)
        last = (lengths - 1).clamp(min=0)[:, None, None].expand(-1, 1, x.shape[2])
        forward_final, _ = x.gather(1, last).squeeze(1).chunk(2, dim=-1)
        _, backward_final = x[:, 0].chunk(2, dim=-1)
        summary = torch.cat([forward_final, backward_final], dim=-1).masked_fill((lengths == 0)[:, None], 0.0)
        return Encoding(x, summary, mask)


def encoder_layer(layer: EncoderLayerFactory, input_size: int, size: int) -> nn.Module:
    """Return a layer that sees the whole source: self-attention as it is, a recurrence made bidirectional."""
    kind = factory_class(layer)
    if isinstance(kind, type) and issubclass(kind, SelfAttention):
        return layer(input_size, size)
    return Bidirectional(cast("LayerFactory", layer), input_size, size)
