"""LSTM and GRU with layer normalization of their pre-activations (Ba et al., 2016, "Layer normalization")."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.nn.dropout import WeightDropout
from seq2seq.nn.mixed_precision import upcast
from seq2seq.ranges import Count, DropProbability, Finite, checked
from seq2seq.recurrence.cell import Cell
from seq2seq.recurrence.gate_biases import MemorySpan, gru_biases, lstm_biases
from seq2seq.recurrence.ops.gates import GRUGates, GRUProjection, LSTMGates, gru_gates, lstm_gates, split_gru
from seq2seq.recurrence.rnn import LSTMState, initialize_weights

HiddenProjection: TypeAlias = Callable[[Tensor], Tensor]  # hidden state -> its part of the gates' pre-activations


class LayerNormLSTM(Cell[LSTMState]):
    """An LSTM with LayerNorm on its input projection, its recurrent projection and its cell state.

    (i, f, g, o) = LN(W x) + LN(R h), c = f c + i g and h = o tanh(LN(c)) (Ba et al., 2016, equations 20 to 22).

    Args:
        input_size: Number of input features of a step.
        size: Number of units.
        forget_bias: Initial bias of the forget gate; 1 helps to learn long dependencies (Jozefowicz et al., 2015).
        memory_span: Chrono initialization of the gate biases for memories of up to this many steps, instead of
            forget_bias.
        weight_dropout: Probability of dropping each recurrent weight, with one mask for a whole sequence.
    """

    @checked
    def __init__(
        self,
        input_size: Count,
        size: Count,
        forget_bias: Finite = 1.0,
        memory_span: MemorySpan | None = None,
        weight_dropout: DropProbability = 0.0,
    ) -> None:
        super().__init__(input_size, size)
        self.linear_ih = nn.Linear(input_size, 4 * size, bias=False)
        self.linear_hh = nn.Linear(size, 4 * size, bias=False)
        initialize_weights(self.linear_ih.weight, self.linear_hh.weight)
        self.norm_ih = nn.LayerNorm(4 * size)
        self.norm_hh = nn.LayerNorm(4 * size)
        self.norm_cell = nn.LayerNorm(size)
        self.weight_dropout = WeightDropout(weight_dropout)
        with torch.no_grad():
            self.norm_ih.bias.copy_(lstm_biases(size, forget_bias, memory_span))

    def initial_state(self, batch: int) -> LSTMState:
        zeros = self.linear_hh.weight.new_zeros(batch, self.size)
        return LSTMState(zeros, zeros)

    def project_input(self, x: Float[Tensor, "*steps input"]) -> Float[Tensor, "*steps gates"]:
        """Return the input's part of the gates' pre-activations."""
        return self.norm_ih(upcast(self.linear_ih(x)))  # type: ignore[no-any-return]

    def sequence_cell(self) -> Callable[[Tensor, LSTMState], tuple[Tensor, LSTMState]]:
        return partial(self.cell, project_hidden=with_weight_dropout(self.linear_hh, self.weight_dropout))

    def cell(
        self,
        projected_x: Float[Tensor, "batch gates"],
        state: LSTMState,
        project_hidden: HiddenProjection | None = None,
    ) -> tuple[Tensor, LSTMState]:
        gates = self.compute_gates(projected_x, state, project_hidden or self.linear_hh)
        cell = gates.next_cell(state.cell)
        hidden = gates.output * self.norm_cell(cell).tanh()
        return hidden, LSTMState(hidden, cell)

    def compute_gates(
        self, gates_ih: Float[Tensor, "batch gates"], state: LSTMState, project_hidden: HiddenProjection
    ) -> LSTMGates:
        return lstm_gates(gates_ih + self.norm_hh(upcast(project_hidden(state.hidden))))

    def named_gates(self, x: Tensor, state: LSTMState) -> dict[str, Tensor]:
        return self.compute_gates(self.project_input(x), state, self.linear_hh)._asdict()


class LayerNormGRU(Cell[Tensor]):
    """A GRU with LayerNorm on its input and recurrent projections, separately for the gates and the candidate.

    (r, z) = LN(W x) + LN(R h), n = tanh(LN(V x) + r LN(U h)) and h = (1 - z) n + z h (Ba et al., 2016, supplement); as
    in torch's GRU, z = 1 keeps the old state.

    Args:
        input_size: Number of input features of a step.
        size: Number of units.
        keep_bias: Initial bias of the update gate z; above zero keeps the memory longer.
        memory_span: Chrono initialization of the update gate's bias for memories of up to this many steps, instead of
            keep_bias.
        weight_dropout: Probability of dropping each recurrent weight, with one mask for a whole sequence.
    """

    @checked
    def __init__(
        self,
        input_size: Count,
        size: Count,
        keep_bias: Finite = 1.0,
        memory_span: MemorySpan | None = None,
        weight_dropout: DropProbability = 0.0,
    ) -> None:
        super().__init__(input_size, size)
        self.linear_ih = nn.Linear(input_size, 3 * size, bias=False)
        self.linear_hh = nn.Linear(size, 3 * size, bias=False)
        initialize_weights(self.linear_ih.weight, self.linear_hh.weight)
        self.norm_ih = GatesAndCandidateNorm(size)
        self.norm_hh = GatesAndCandidateNorm(size)
        self.weight_dropout = WeightDropout(weight_dropout)
        with torch.no_grad():
            self.norm_ih.gates.bias.copy_(gru_biases(size, keep_bias, memory_span)[: 2 * size])

    def initial_state(self, batch: int) -> Tensor:
        return self.linear_hh.weight.new_zeros(batch, self.size)

    def project_input(self, x: Float[Tensor, "*steps input"]) -> Float[Tensor, "*steps gates"]:
        """Return the input's part of the pre-activations of the gates and the candidate."""
        return torch.cat(self.norm_ih(upcast(self.linear_ih(x))), dim=-1)

    def sequence_cell(self) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
        return partial(self.cell, project_hidden=with_weight_dropout(self.linear_hh, self.weight_dropout))

    def cell(
        self, projected_x: Float[Tensor, "batch gates"], state: Tensor, project_hidden: HiddenProjection | None = None
    ) -> tuple[Tensor, Tensor]:
        hidden = self.compute_gates(projected_x, state, project_hidden or self.linear_hh).next_hidden(state)
        return hidden, hidden

    def compute_gates(
        self, gates_ih: Float[Tensor, "batch gates"], state: Tensor, project_hidden: HiddenProjection
    ) -> GRUGates:
        return gru_gates(split_gru(gates_ih), self.norm_hh(upcast(project_hidden(state))))

    def named_gates(self, x: Tensor, state: Tensor) -> dict[str, Tensor]:
        return self.compute_gates(self.project_input(x), state, self.linear_hh)._asdict()


class GatesAndCandidateNorm(nn.Module):
    """One LayerNorm for a GRU's two gates together and one for its candidate."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.gates = nn.LayerNorm(2 * size)
        self.candidate = nn.LayerNorm(size)

    def forward(self, x: Float[Tensor, "*steps all"]) -> GRUProjection:
        gates, candidate = split_gru(x)
        return GRUProjection(self.gates(gates), self.candidate(candidate))


def with_weight_dropout(linear: nn.Module, dropout: WeightDropout) -> HiddenProjection:
    """Return a linear layer without bias with one dropout mask for its weight, or the layer itself without dropout."""
    return partial(F.linear, weight=dropout(linear.get_parameter("weight"))) if dropout.active else linear
