"""A stack of recurrent layers, itself a recurrent layer."""

from collections.abc import Sequence
from typing import Any, cast

from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.errors import UserError
from seq2seq.ranges import Count, DropProbability, NonNegative, checked
from seq2seq.recurrence.base import LayerFactory, Recurrence
from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.recurrence.residual_block import ResidualBlock


class Stack(Recurrence[tuple[Any, ...]]):
    """Recurrences in sequence: the output of each layer is the input of the next.

    With layers of `CausalAttention`, norm, residual and feed_forward, it is a pre-norm decoder-only Transformer.

    Args:
        input_size: Number of input features of a step.
        size: Number of output features of every layer.
        layers: The layers, from the input to the output; they may be of different kinds.
        dropout: Probability of dropping an output feature of a layer, with one mask for a whole sequence.
        norm: Apply LayerNorm (Ba et al., 2016) to the input of every layer and to the output of the last one.
        residual: Add the input of a layer to its output, if their sizes are equal.
        feed_forward: Inner size of a gated feed-forward after every layer, as a multiple of `size`; 0 for none.
    """

    @checked
    def __init__(
        self,
        input_size: Count,
        size: Count,
        layers: Sequence[LayerFactory],
        dropout: DropProbability = 0.0,
        norm: bool = False,
        residual: bool = False,
        feed_forward: NonNegative = 0.0,
    ) -> None:
        super().__init__(input_size, size)
        if not layers:
            raise UserError("a stack needs at least one layer, and none was given")
        sizes = [input_size] + [size] * (len(layers) - 1)
        modules = nn.ModuleList(layer(size_in, size) for layer, size_in in zip(layers, sizes, strict=True))
        blocks = nn.ModuleList(ResidualBlock(size_in, size, dropout, norm, residual, feed_forward) for size_in in sizes)
        self.layers = cast("Sequence[Recurrence[Any]]", modules)  # a ModuleList's type does not name its elements
        self.blocks = cast("Sequence[ResidualBlock]", blocks)
        self.norm = nn.LayerNorm(size) if norm else nn.Identity()
        self.grows = any(layer.grows for layer in self.layers)

    def initial_state(self, batch: int) -> tuple[Any, ...]:
        return tuple(layer.initial_state(batch) for layer in self.layers)

    def forward(
        self,
        x: Float[Tensor, "batch time input"],
        state: tuple[Any, ...] | None = None,
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> tuple[Float[Tensor, "batch time size"], tuple[Any, ...]]:
        state = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        next_state = []
        for layer, block, layer_state in zip(self.layers, self.blocks, state, strict=True):
            y, layer_state = layer(block.norm(x), layer_state, lengths)
            x = block(x, y)
            next_state.append(layer_state)
        return self.norm(x), tuple(next_state)

    def step(self, x: Float[Tensor, "batch input"], state: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
        next_state = []
        for layer, block, layer_state in zip(self.layers, self.blocks, state, strict=True):
            y, layer_state = layer.step(block.norm(x), layer_state)
            x = block(x[:, None], y[:, None])[:, 0]
            next_state.append(layer_state)
        return self.norm(x), tuple(next_state)
