"""What an LSTM makes of its gates, as one function with a gradient of its own."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from seq2seq.kernels.elementwise import tanh


class LSTMCell(torch.autograd.Function):
    """The hidden state and the cell (Gers et al., 2000), from all gates side by side and the cell before.

    Gates are in torch's order, input, forget, cell, output, and before their nonlinearities.
    """

    @staticmethod
    def forward(
        ctx: Any, gates: Float[Tensor, "rows gates"], before: Float[Tensor, "rows size"]
    ) -> tuple[Float[Tensor, "rows size"], Float[Tensor, "rows size"]]:
        opened = gates.sigmoid()
        i, f, _, o = opened.chunk(4, dim=1)
        new = tanh(gates.chunk(4, dim=1)[2])
        cell = torch.addcmul(f * before, i, new)
        seen = tanh(cell)
        ctx.save_for_backward(opened, new, before, seen)
        return o * seen, cell

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, hidden_slope: Float[Tensor, "rows size"], cell_slope: Float[Tensor, "rows size"]
    ) -> tuple[Float[Tensor, "rows gates"], Float[Tensor, "rows size"]]:
        opened, new, before, seen = ctx.saved_tensors
        i, f, _, o = opened.chunk(4, dim=1)
        total = torch.ops.aten.tanh_backward(hidden_slope * o, seen).add_(cell_slope)
        slope = torch.empty_like(opened)
        for part, factors in zip(
            slope.chunk(4, dim=1), ((total, new), (total, before), (total, i), (hidden_slope, seen)), strict=True
        ):
            torch.mul(*factors, out=part)
        candidate = torch.ops.aten.tanh_backward(slope.chunk(4, dim=1)[2], new)
        slope = torch.ops.aten.sigmoid_backward(slope, opened)
        slope.chunk(4, dim=1)[2].copy_(candidate)
        return slope, total * f
