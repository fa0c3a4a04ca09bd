"""Gated layers whose pre-activations are normalised at every step (Ba et al., 2016, "Layer normalization")."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.nn.dropout import WeightDropout
from seq2seq.nn.upcast import upcast
from seq2seq.ranges import Count, DropProbability, Finite, checked
from seq2seq.recurrence.base import Recurrence, unroll
from seq2seq.recurrence.chrono import MemorySpan
from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.recurrence.rnn import LSTMState, gru_biases, initialise_weights, lstm_biases

Recall: TypeAlias = Callable[[Tensor], Tensor]  # what the hidden state says to the gates


class LayerNormLSTM(Recurrence[LSTMState]):
    """An LSTM with norms on what the gates hear from the input, from the past, and on the cell that is said.

    (i, f, g, o) = LN(W x) + LN(R h), c = f c + i g and h = o tanh(LN(c)) (Ba et al., 2016, equations 20 to 22).

    Args:
        input_size: Number of features that come in at every step.
        size: Number of units.
        forget_bias: Bias of the forget gate at the start; one keeps the memory open (Jozefowicz et al., 2015).
        memory_span: Spread the gates' biases for memories of up to so many steps, instead of forget_bias.
        weight_dropout: Probability with which single recurrent weights are dropped for a whole sequence.
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
        self.outer = nn.Linear(input_size, 4 * size, bias=False)
        self.inner = nn.Linear(size, 4 * size, bias=False)
        initialise_weights(self.outer.weight, self.inner.weight)
        self.outer_norm = nn.LayerNorm(4 * size)
        self.inner_norm = nn.LayerNorm(4 * size)
        self.cell_norm = nn.LayerNorm(size)
        self.weight_dropout = WeightDropout(weight_dropout)
        with torch.no_grad():
            self.outer_norm.bias.copy_(lstm_biases(size, forget_bias, memory_span))

    def initial_state(self, batch: int) -> LSTMState:
        zeros = self.inner.weight.new_zeros(batch, self.size)
        return LSTMState(zeros, zeros)

    def forward(
        self, x: Tensor, state: LSTMState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, LSTMState]:
        recall = once_dropped(self.inner, self.weight_dropout)
        before = self.initial_state(len(x)) if state is None else state
        return unroll(
            lambda heard, now: self.cell(heard, now, recall), self.heard(fill_padding(x, lengths, 0.0)), before, lengths
        )

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        return self.cell(self.heard(x), state, once_dropped(self.inner, self.weight_dropout))

    def heard(self, x: Float[Tensor, "*steps input"]) -> Float[Tensor, "*steps gates"]:
        """What the input says to the gates."""
        return self.outer_norm(upcast(self.outer(x)))  # type: ignore[no-any-return]

    def cell(self, heard: Float[Tensor, "batch gates"], state: LSTMState, recall: Recall) -> tuple[Tensor, LSTMState]:
        i, f, g, o = (heard + self.inner_norm(upcast(recall(state.hidden)))).chunk(4, dim=-1)
        cell = f.sigmoid() * state.cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * self.cell_norm(cell).tanh()
        return hidden, LSTMState(hidden, cell)


class LayerNormGRU(Recurrence[Tensor]):
    """A GRU with norms on what its gates and its candidate hear from the input and from the past.

    (r, z) = LN(W x) + LN(R h), n = tanh(LN(V x) + r LN(U h)) and h = (1 - z) n + z h (Ba et al., 2016, supplement); as
    in torch's GRU, z keeps.

    Args:
        input_size: Number of features that come in at every step.
        size: Number of units.
        keep_bias: Bias of the gate z at the start; above zero keeps the memory longer.
        memory_span: Spread the gate's biases for memories of up to so many steps, instead of keep_bias.
        weight_dropout: Probability with which single recurrent weights are dropped for a whole sequence.
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
        self.outer = nn.Linear(input_size, 3 * size, bias=False)
        self.inner = nn.Linear(size, 3 * size, bias=False)
        initialise_weights(self.outer.weight, self.inner.weight)
        self.outer_norm = GatesAndCandidateNorm(size)
        self.inner_norm = GatesAndCandidateNorm(size)
        self.weight_dropout = WeightDropout(weight_dropout)
        with torch.no_grad():
            self.outer_norm.gates.bias.copy_(gru_biases(size, keep_bias, memory_span)[: 2 * size])

    def initial_state(self, batch: int) -> Tensor:
        return self.inner.weight.new_zeros(batch, self.size)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, Tensor]:
        recall = once_dropped(self.inner, self.weight_dropout)
        before = self.initial_state(len(x)) if state is None else state
        return unroll(
            lambda heard, now: self.cell(heard, now, recall), self.heard(fill_padding(x, lengths, 0.0)), before, lengths
        )

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.cell(self.heard(x), state, once_dropped(self.inner, self.weight_dropout))

    def heard(self, x: Float[Tensor, "*steps input"]) -> Float[Tensor, "*steps gates"]:
        """What the input says to the gates and to the candidate."""
        return torch.cat(self.outer_norm(upcast(self.outer(x))), dim=-1)

    def cell(self, heard: Float[Tensor, "batch gates"], state: Tensor, recall: Recall) -> tuple[Tensor, Tensor]:
        gates, candidate = self.inner_norm(upcast(recall(state)))
        r, z = (heard[:, : 2 * self.size] + gates).sigmoid().chunk(2, dim=-1)
        new = torch.tanh(heard[:, 2 * self.size :] + r * candidate)
        hidden = new + z * (state - new)
        return hidden, hidden


class GatesAndCandidateNorm(nn.Module):
    """One norm for a GRU's two gates together and one for its candidate."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.gates = nn.LayerNorm(2 * size)
        self.candidate = nn.LayerNorm(size)

    def forward(
        self, x: Float[Tensor, "*steps all"]
    ) -> tuple[Float[Tensor, "*steps gates"], Float[Tensor, "*steps size"]]:
        gates, candidate = x.tensor_split([x.shape[-1] // 3 * 2], dim=-1)
        return self.gates(gates), self.candidate(candidate)


def once_dropped(inner: nn.Module, dropout: WeightDropout) -> Recall:
    """A linear layer that keeps one mask of its weights, if it has any."""
    return partial(F.linear, weight=dropout(inner.get_parameter("weight"))) if dropout.active else inner
