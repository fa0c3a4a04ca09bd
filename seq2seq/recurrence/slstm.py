"""sLSTM: an LSTM with an exponential input gate and a normalizer state (Beck et al., 2024, "xLSTM")."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.nn.heads import check_heads, head_layer_norm, split_heads
from seq2seq.nn.linear import linear
from seq2seq.nn.mixed_precision import outside_autocast, upcast
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.cell import Cell
from seq2seq.recurrence.ops.gates import LSTMGates

LOG_ZERO = -1e30  # the initial stabilizer: instead of minus infinity, whose gradient would be NaN


class SLSTMState(NamedTuple):
    cell: Float[Tensor, "batch heads head_dim"]
    normalizer: Float[Tensor, "batch heads head_dim"]
    stabilizer: Float[Tensor, "batch heads head_dim"]
    hidden: Float[Tensor, "batch heads head_dim"]


class SLSTM(Cell[SLSTMState]):
    """sLSTM: norm(h), h = o c / n, c = f c + i z, n = f n + i (Beck et al., 2024, section 2.2).

    The input gate i is an exponential, the forget gate f a sigmoid. Recurrent weights are block-diagonal, one block for
    each head, and start at zero. Cell and normalizer are stored divided by exp(m), the largest weight of any input in
    them, to avoid overflow.

    Args:
        input_size: Number of input features of a step.
        size: Number of units; a multiple of heads.
        heads: Number of blocks of the recurrent weights; the output of each is normalized on its own.
    """

    @checked
    def __init__(self, input_size: Count, size: Count, heads: Count = 4) -> None:
        super().__init__(input_size, size)
        self.heads = heads
        self.head_dim = check_heads(size, heads, min_head_dim=2)  # LayerNorm of one feature is always 0
        self.linear_ih = linear(input_size, 4 * size)  # for each head: input, forget, cell, output
        self.weight_hh = nn.Parameter(torch.zeros(heads, self.head_dim, 4 * self.head_dim))
        self.gain = nn.Parameter(torch.ones(size))
        with torch.no_grad():
            self.linear_ih.bias.view(heads, 4, self.head_dim)[:, 1] = powerlaw_biases(self.head_dim)

    def initial_state(self, batch: int) -> SLSTMState:
        zeros = self.weight_hh.new_zeros(batch, self.heads, self.head_dim)
        return SLSTMState(zeros, zeros, zeros + LOG_ZERO, zeros)

    def project_input(self, x: Float[Tensor, "*steps input"]) -> Float[Tensor, "*steps heads gates"]:
        """Return the input's part of the gates' pre-activations."""
        return split_heads(upcast(self.linear_ih(x)), self.heads)

    def cell(self, projected_x: Float[Tensor, "batch heads gates"], state: SLSTMState) -> tuple[Tensor, SLSTMState]:
        gates, stabilizer = self.compute_gates(projected_x, state)
        cell = gates.next_cell(state.cell)
        normalizer = gates.forget * state.normalizer + gates.input
        hidden = gates.output * cell / normalizer
        return hidden, SLSTMState(cell, normalizer, stabilizer, hidden)

    def compute_gates(
        self, gates_ih: Float[Tensor, "batch heads gates"], state: SLSTMState
    ) -> tuple[LSTMGates, Float[Tensor, "batch heads head_dim"]]:
        """Return the gates, input and forget gate relative to the stabilizers, and the next stabilizer."""
        with outside_autocast(gates_ih):
            gates_hh = torch.bmm(state.hidden.transpose(0, 1), self.weight_hh).transpose(0, 1)
        i, f, z, o = (gates_ih + gates_hh).chunk(4, dim=-1)
        log_forget = F.logsigmoid(f) + state.stabilizer
        with torch.no_grad():  # it cancels in c / n, and so does its gradient
            stabilizer = torch.maximum(i, log_forget)
        gates = LSTMGates(torch.exp(i - stabilizer), torch.exp(log_forget - stabilizer), z.tanh(), o.sigmoid())
        return gates, stabilizer

    def named_gates(self, x: Tensor, state: SLSTMState) -> dict[str, Tensor]:
        """Return the gates of all units; input and forget gate are relative to the stabilizers, as in the state."""
        gates, _ = self.compute_gates(self.project_input(x), state)
        return {name: gate.flatten(1) for name, gate in gates._asdict().items()}

    def project_output(self, y: Float[Tensor, "*steps heads head_dim"]) -> Float[Tensor, "*steps size"]:
        return head_layer_norm(y) * self.gain


def powerlaw_biases(units: int, depth: float = 0.5) -> Float[Tensor, " units"]:
    """Return biases of the forget gate from 5 down to -7, for memories of many lengths.

    The authors' curve depends on the relative depth of the layer, from 0 to 1; a layer does not know it, so it is 0.5.
    """
    return 5 - 12 * torch.linspace(0, 1, units) ** (0.3 + 1.3 * depth)
