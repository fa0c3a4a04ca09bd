"""The encoder: a stack of layers that each see the whole source."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.errors import UserError
from seq2seq.models.hyperparameters import factory_class
from seq2seq.nn.attention import Encoding
from seq2seq.ranges import Count, checked
from seq2seq.recurrence import Bidirectional, EncoderLayer, EncoderLayerFactory, LayerFactory, Recurrence
from seq2seq.recurrence.ops.padding import fill_padding, last_step
from seq2seq.recurrence.residual_block import PLAIN_BLOCK, BlockConfig
from seq2seq.recurrence.stack import build_layers


class Encoder(nn.Module):
    """A stack of layers that each see the whole source (Bahdanau et al., 2015; Wu et al., 2016).

    A recurrence is made bidirectional; an `EncoderLayer`, such as self-attention, is used as it is.

    Args:
        input_size: Number of features of a source token.
        size: Number of output features, half from each direction of a recurrence.
        layers: The layers, from the input up.
        block: What stands around every layer.
    """

    @checked
    def __init__(
        self, input_size: Count, size: Count, layers: Sequence[EncoderLayerFactory], block: BlockConfig = PLAIN_BLOCK
    ) -> None:
        super().__init__()
        self.layers, self.blocks, self.norm = build_layers(
            input_size, size, list(map(encoder_layer_factory, layers)), block
        )

    def forward(self, x: Float[Tensor, "batch source input"], lengths: Int[Tensor, " batch"]) -> Encoding:
        """Return the states of all tokens and a summary: the final state of each direction of the last layer.

        An `EncoderLayer` has no direction: its summary is half of the last token's state and half of the first one's.
        An empty source has a summary of zeros. Padding may be anything, not even finite.
        """
        lengths = lengths.to(x.device)
        x = fill_padding(x, lengths, 0.0)
        for layer, block in zip(self.layers, self.blocks, strict=True):
            x = block(x, layer(block.norm(x), lengths))
        x = self.norm(x)
        mask = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        if not x.shape[1]:
            return Encoding(x, x.sum(dim=1), mask)
        forward_final, _ = last_step(x.new_zeros(len(x), x.shape[2]), x, lengths).chunk(2, dim=-1)
        _, backward_final = x[:, 0].masked_fill(~mask[:, :1], 0.0).chunk(2, dim=-1)
        return Encoding(x, torch.cat([forward_final, backward_final], dim=-1), mask)


def encoder_layer_factory(layer: EncoderLayerFactory) -> Callable[[int, int], nn.Module]:
    """Return a factory of layers that see the whole source: a recurrence is made bidirectional."""
    kind = factory_class(layer)
    if isinstance(kind, type) and issubclass(kind, EncoderLayer):
        return layer
    if isinstance(kind, type) and not issubclass(kind, Recurrence):
        raise UserError(
            f"a layer of an encoder must be a Recurrence or an EncoderLayer, and {kind.__name__} is neither"
        )
    return partial(Bidirectional, cast("LayerFactory", layer))
