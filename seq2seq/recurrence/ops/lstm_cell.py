"""The pointwise part of an LSTM step, as one autograd function."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable


class LSTMCell(torch.autograd.Function):
    """Compute hidden and cell state (Gers et al., 2000) from the gates' pre-activations and the previous cell state.

    Gates are in torch's order: input, forget, cell, output.
    """

    @staticmethod
    def forward(
        ctx: Any, gates: Float[Tensor, "rows gates"], previous_cell: Float[Tensor, "rows size"]
    ) -> tuple[Float[Tensor, "rows size"], Float[Tensor, "rows size"]]:
        activated = gates.sigmoid()
        i, f, _, o = activated.chunk(4, dim=1)
        candidate = gates.chunk(4, dim=1)[2].tanh()
        cell = torch.addcmul(f * previous_cell, i, candidate)
        tanh_cell = cell.tanh()
        ctx.save_for_backward(activated, candidate, previous_cell, tanh_cell)
        return o * tanh_cell, cell

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, hidden_grad: Float[Tensor, "rows size"], cell_grad: Float[Tensor, "rows size"]
    ) -> tuple[Float[Tensor, "rows gates"], Float[Tensor, "rows size"]]:
        activated, candidate, previous_cell, tanh_cell = ctx.saved_tensors
        i, f, _, o = activated.chunk(4, dim=1)
        cell_grad = torch.ops.aten.tanh_backward(hidden_grad * o, tanh_cell).add_(cell_grad)
        gates_grad = torch.empty_like(activated)
        factors = (cell_grad, candidate), (cell_grad, previous_cell), (cell_grad, i), (hidden_grad, tanh_cell)
        for gate_grad, pair in zip(gates_grad.chunk(4, dim=1), factors, strict=True):
            torch.mul(*pair, out=gate_grad)
        candidate_grad = torch.ops.aten.tanh_backward(gates_grad.chunk(4, dim=1)[2], candidate)
        gates_grad = torch.ops.aten.sigmoid_backward(gates_grad, activated)
        gates_grad.chunk(4, dim=1)[2].copy_(candidate_grad)
        return gates_grad, cell_grad * f
