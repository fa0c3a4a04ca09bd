"""Layers that are not causal: their interface, and bidirectional recurrences (Schuster and Paliwal, 1997)."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.errors import UserError
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.recurrence.recurrence import LayerFactory, Recurrence


class EncoderLayer(nn.Module, ABC):
    """A layer over [batch, time, size] whose outputs may depend on all steps of a row, so that only an encoder has it.

    It is not causal, hence no `Recurrence`. A subclass is built from an input size and a size, and defines `forward`.
    """

    @abstractmethod
    def forward(
        self, x: Float[Tensor, "batch time input"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch time size"]:
        """Return the outputs for whole sequences, where row b ends after lengths[b] steps.

        Padding inputs may have any value, NaN and infinity included; outputs on padding are meaningless, but finite.
        Batch and time may be 0.
        """


class Bidirectional(nn.Module):
    """Two layers of half the size, one for each direction; each row is reversed within its own length.

    Same `forward` as an `EncoderLayer`; its constructor also takes the factory of the recurrence.

    Args:
        layer: The layer of each direction.
        input_size: Number of input features of a step.
        size: Number of output features of a step; even.
    """

    @checked
    def __init__(self, layer: LayerFactory, input_size: Count, size: Count) -> None:
        super().__init__()
        if size % 2:
            raise UserError(f"the size of a bidirectional layer must be even, half for each direction, not {size}")
        self.forward_layer = layer(input_size, size // 2)
        self.backward_layer = layer(input_size, size // 2)

    def forward(
        self, x: Float[Tensor, "batch time input"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch time size"]:
        x = fill_padding(x, lengths, 0.0)
        forward_output, _ = self.forward_layer(x)
        backward_output, _ = self.backward_layer(reverse(x, lengths))
        return torch.cat([forward_output, reverse(backward_output, lengths)], dim=-1)


def reverse(x: Float[Tensor, "batch time size"], lengths: Int[Tensor, " batch"]) -> Float[Tensor, "batch time size"]:
    """Reverse each row within its own length, so that padding stays at the end; its own inverse."""
    time = torch.arange(x.shape[1], device=x.device)
    reversed_time = lengths.to(x.device)[:, None] - 1 - time
    offsets = torch.arange(len(x), device=x.device)[:, None] * x.shape[1]
    index = offsets + torch.where(reversed_time >= 0, reversed_time, time)
    return x.flatten(0, 1).index_select(0, index.flatten()).view_as(x)  # copies whole steps, gather single elements


EncoderLayerFactory: TypeAlias = Callable[[int, int], Recurrence[Any] | EncoderLayer]  # (input_size, size) -> layer
