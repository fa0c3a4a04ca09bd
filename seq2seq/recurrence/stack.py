"""Layers on top of each other, which together are one layer again."""

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
    """Recurrences that each read what the one below says.

    Of `CausalAttention`, with norm, residual and feed_forward, it is the decoder-only Transformer of today.

    Args:
        input_size: Number of features that come in at every step.
        size: Number of features that go out of every layer.
        layers: What each layer is, from the input up; they may differ.
        dropout: Probability of dropping an output of a layer, with one mask for a whole sequence.
        norm: Normalise what goes into every layer and what leaves the last one (Ba et al., 2016).
        residual: Add what went into a layer to what comes out of it, where the sizes allow it.
        feed_forward: Inner features, for each feature, of a gated feed-forward after every layer; 0 for none.
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
        built = nn.ModuleList(layer(below, size) for layer, below in zip(layers, sizes, strict=True))
        around = nn.ModuleList(ResidualBlock(below, size, dropout, norm, residual, feed_forward) for below in sizes)
        self.layers = cast("Sequence[Recurrence[Any]]", built)  # which a ModuleList's type cannot say
        self.around = cast("Sequence[ResidualBlock]", around)
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
        after = []
        for layer, around, before in zip(self.layers, self.around, state, strict=True):
            y, new = layer(around.before(x), before, lengths)
            x = around(x, y)
            after.append(new)
        return self.norm(x), tuple(after)

    def step(self, x: Float[Tensor, "batch input"], state: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
        after = []
        for layer, around, before in zip(self.layers, self.around, state, strict=True):
            y, new = layer.step(around.before(x), before)
            x = around(x[:, None], y[:, None])[:, 0]
            after.append(new)
        return self.norm(x), tuple(after)
