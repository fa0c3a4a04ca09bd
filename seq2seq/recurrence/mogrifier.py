"""Mogrifier LSTM, whose input and hidden state gate each other before each step (Melis et al., 2020)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seq2seq.nn.linear import linear
from seq2seq.nn.mixed_precision import upcast
from seq2seq.ranges import Count, Finite, Rounds, checked
from seq2seq.recurrence.gate_biases import MemorySpan, lstm_biases
from seq2seq.recurrence.ops.gates import LSTMGates, lstm_gates
from seq2seq.recurrence.recurrence import Recurrence
from seq2seq.recurrence.rnn import LSTMState, initialize_weights


class MogrifierLSTM(Recurrence[LSTMState]):
    """Mogrifier LSTM: x = 2 sigmoid(Q h) x and h = 2 sigmoid(R x) h in turn, then a step of an LSTM.

    From Melis et al. (2020), section 2. Every round has a matrix of its own. The gated input depends on the previous
    hidden state, so that no projection can be computed for all steps at once, and the layer is several times slower
    than an LSTM.

    Args:
        input_size: Number of input features of a step.
        size: Number of units.
        rounds: Number of gatings, of input and hidden state in turn, the input first; 0 is an LSTM.
        rank: Rank of each round's matrix as a product of two smaller ones; a full matrix if not given.
        forget_bias: Initial bias of the forget gate; 1 helps to learn long dependencies (Jozefowicz et al., 2015).
        memory_span: Chrono initialization of the gate biases for memories of up to this many steps, instead of
            forget_bias.
    """

    @checked
    def __init__(
        self,
        input_size: Count,
        size: Count,
        rounds: Rounds = 5,
        rank: Count | None = None,
        forget_bias: Finite = 1.0,
        memory_span: MemorySpan | None = None,
    ) -> None:
        super().__init__(input_size, size)
        self.linear_ih = nn.Linear(input_size, 4 * size)
        self.linear_hh = nn.Linear(size, 4 * size, bias=False)
        initialize_weights(self.linear_ih.weight, self.linear_hh.weight)
        with torch.no_grad():
            self.linear_ih.bias.copy_(lstm_biases(size, forget_bias, memory_span))
        sizes = [(size, input_size), (input_size, size)]
        self.rounds = nn.ModuleList(low_rank_linear(*sizes[n % 2], rank) for n in range(rounds))

    def initial_state(self, batch: int) -> LSTMState:
        zeros = self.linear_hh.weight.new_zeros(batch, self.size)
        return LSTMState(zeros, zeros)

    def step(self, x: Float[Tensor, "batch input"], state: LSTMState) -> tuple[Tensor, LSTMState]:
        gates = self.compute_gates(x, state)
        cell = gates.next_cell(state.cell)
        hidden = gates.output * cell.tanh()
        return hidden, LSTMState(hidden, cell)

    def compute_gates(self, x: Float[Tensor, "batch input"], state: LSTMState) -> LSTMGates:
        x, h = self.mogrify(x, state.hidden)
        return lstm_gates(upcast(self.linear_ih(x) + self.linear_hh(h)))

    def named_gates(self, x: Tensor, state: LSTMState) -> dict[str, Tensor]:
        return self.compute_gates(x, state)._asdict()

    def mogrify(
        self, x: Float[Tensor, "batch input"], h: Float[Tensor, "batch size"]
    ) -> tuple[Float[Tensor, "batch input"], Float[Tensor, "batch size"]]:
        """Return the input and the hidden state after all rounds of gating."""
        for n, linear_gate in enumerate(self.rounds):
            if n % 2 == 0:
                x = 2 * upcast(linear_gate(h)).sigmoid() * x
            else:
                h = 2 * upcast(linear_gate(x)).sigmoid() * h
        return x, h


def low_rank_linear(size_in: int, size_out: int, rank: int | None) -> nn.Module:
    """Return a linear layer without bias, factored into two of this rank if one is given."""
    if rank is None:
        return linear(size_in, size_out, bias=False)
    return nn.Sequential(linear(size_in, rank, bias=False), linear(rank, size_out, bias=False))
