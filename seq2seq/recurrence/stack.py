"""A stack of layers, each in its residual block; of recurrent ones, itself a recurrent layer."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.errors import UserError
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.recurrence.recurrence import LayerFactory, Recurrence
from seq2seq.recurrence.residual_block import PLAIN_BLOCK, BlockConfig, ResidualBlock


def build_layers(
    input_size: int, size: int, layers: Sequence[Callable[[int, int], nn.Module]], block: BlockConfig
) -> tuple[Any, Any, nn.Module]:
    """Return a ModuleList of a stack's layers, one of the blocks around them, and the norm after the last one."""
    if not layers:
        raise UserError("a stack needs at least one layer, and none was given")
    sizes = [input_size] + [size] * (len(layers) - 1)
    modules = nn.ModuleList(layer(size_in, size) for layer, size_in in zip(layers, sizes, strict=True))
    blocks = nn.ModuleList(ResidualBlock(size_in, size, block) for size_in in sizes)
    return modules, blocks, block.layer_norm(size)


class StackOutput(NamedTuple):
    """The output of a stack, its final state, and the activations of every layer, for regularizers and inspection."""

    output: Float[Tensor, "batch time size"]
    state: tuple[Any, ...]
    activations: list[Float[Tensor, "batch time size"]]  # of each layer after its residual block, from the input up


class Stack(Recurrence[tuple[Any, ...]]):
    """Recurrences in sequence: the output of each layer is the input of the next.

    With layers of `CausalAttention`, norm, residual and feed_forward, it is a pre-norm decoder-only Transformer.

    Args:
        input_size: Number of input features of a step.
        size: Number of output features of every layer.
        layers: The layers, from the input to the output; they may be of different kinds.
        block: What stands around every layer.
    """

    layers: Sequence[Recurrence[Any]]
    blocks: Sequence[ResidualBlock]

    @checked
    def __init__(
        self, input_size: Count, size: Count, layers: Sequence[LayerFactory], block: BlockConfig = PLAIN_BLOCK
    ) -> None:
        super().__init__(input_size, size)
        self.layers, self.blocks, self.norm = build_layers(input_size, size, layers, block)
        for layer in self.layers:
            if not isinstance(layer, Recurrence):
                raise UserError(
                    f"a stack is causal, so its layers must be recurrences, and {type(layer).__name__} is none: "
                    f"use it in an encoder"
                )
        self.grows = any(layer.grows for layer in self.layers)

    def initial_state(self, batch: int) -> tuple[Any, ...]:
        return tuple(layer.initial_state(batch) for layer in self.layers)

    def forward(
        self,
        x: Float[Tensor, "batch time input"],
        state: tuple[Any, ...] | None = None,
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> tuple[Float[Tensor, "batch time size"], tuple[Any, ...]]:
        output, state, _ = self.run(x, state, lengths)
        return output, state

    def run(
        self,
        x: Float[Tensor, "batch time input"],
        state: tuple[Any, ...] | None = None,
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> StackOutput:
        """Compute the same as `forward`, and return the activations of every layer, too."""
        state = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        next_state, activations = [], []
        for layer, block, layer_state in zip(self.layers, self.blocks, state, strict=True):
            y, layer_state = layer(block.norm(x), layer_state, lengths)
            x = block(x, y)
            next_state.append(layer_state)
            activations.append(x)
        return StackOutput(self.norm(x), tuple(next_state), activations)

    def step(self, x: Float[Tensor, "batch input"], state: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
        next_state = []
        for layer, block, layer_state in zip(self.layers, self.blocks, state, strict=True):
            y, layer_state = layer.step(block.norm(x), layer_state)
            x = block(x[:, None], y[:, None])[:, 0]
            next_state.append(layer_state)
        return self.norm(x), tuple(next_state)
