"""Layers on top of each other, which together are one layer again."""

from collections.abc import Sequence
from typing import Any, cast

from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.dropout import VariationalDropout
from seq2seq.recurrence.interface import LayerFactory, Recurrence


class Stack(Recurrence[tuple[Any, ...]]):
    """Recurrences that each read what the one below says.

    Args:
        input_size: Number of features that come in at every step.
        size: Number of features that go out of every layer.
        layers: What each layer is, from the input up; they may differ.
        dropout: Probability of dropping an output of a layer, with one mask for a whole sequence.
        norm: Normalise what goes into every layer and what leaves the last one (Ba et al., 2016).
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
        super().__init__(input_size, size)
        if not layers:
            raise ValueError("a stack needs at least one layer, and none was given")
        sizes = [input_size] + [size] * len(layers)
        built = nn.ModuleList(layer(below, size) for layer, below in zip(layers, sizes, strict=False))
        self.layers = cast("Sequence[Recurrence[Any]]", built)  # which a ModuleList's type cannot say
        self.norms = nn.ModuleList(nn.LayerNorm(n) if norm else nn.Identity() for n in sizes)
        self.dropout = VariationalDropout(dropout)
        self.residual = residual

    def initial_state(self, batch: int) -> tuple[Any, ...]:
        return tuple(layer.initial_state(batch) for layer in self.layers)

    def forward(
        self,
        x: Float[Tensor, "batch time input"],
        state: tuple[Any, ...] | None = None,
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> tuple[Float[Tensor, "batch time size"], tuple[Any, ...]]:
        state = self.initial_state(len(x)) if state is None else state
        after = []
        for layer, norm, before in zip(self.layers, self.norms, state, strict=False):
            y, new = layer(norm(x), before, lengths)
            x = self.join(x, self.dropout(y))
            after.append(new)
        return self.norms[-1](x), tuple(after)

    def step(self, x: Float[Tensor, "batch input"], state: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
        after = []
        for layer, norm, before in zip(self.layers, self.norms, state, strict=False):
            y, new = layer.step(norm(x), before)
            x = self.join(x, self.dropout(y.unsqueeze(1)).squeeze(1))
            after.append(new)
        return self.norms[-1](x), tuple(after)

    def join(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y if self.residual and x.shape == y.shape else y
