"""A sequence read from both ends (Schuster and Paliwal, 1997), by any two recurrences."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.errors import UserError
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.base import LayerFactory
from seq2seq.recurrence.ops.padding import fill_padding


class Bidirectional(nn.Module):
    """Two layers of half the size, one reading forwards and one backwards, each row within its own length.

    It looks ahead, so it is no `Recurrence`. Inputs past the end of a row may be anything; outputs there mean nothing.

    Args:
        layer: What reads in each direction.
        input_size: Number of features that come in at every step.
        size: Number of features that go out at every step; even.
    """

    @checked
    def __init__(self, layer: LayerFactory, input_size: Count, size: Count) -> None:
        super().__init__()
        if size % 2:
            raise UserError(f"the size of a bidirectional layer must be even, half for each direction, not {size}")
        self.forwards = layer(input_size, size // 2)
        self.backwards = layer(input_size, size // 2)

    def forward(
        self, x: Float[Tensor, "batch time input"], lengths: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch time size"]:
        x = fill_padding(x, lengths, 0.0)
        ahead, _ = self.forwards(x)
        back, _ = self.backwards(reverse(x, lengths))
        return torch.cat([ahead, reverse(back, lengths)], dim=-1)


def reverse(x: Float[Tensor, "batch time size"], lengths: Int[Tensor, " batch"]) -> Float[Tensor, "batch time size"]:
    """Turn each row around within its own length, so that padding stays at the end; its own inverse."""
    time = torch.arange(x.shape[1], device=x.device)
    mirrored = lengths.to(x.device)[:, None] - 1 - time
    starts = torch.arange(len(x), device=x.device)[:, None] * x.shape[1]
    rows = starts + torch.where(mirrored >= 0, mirrored, time)
    return x.flatten(0, 1).index_select(0, rows.flatten()).view_as(x)  # whole steps, where a gather moves numbers
