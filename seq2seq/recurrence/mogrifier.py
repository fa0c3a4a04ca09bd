"""An LSTM whose input and past gate each other before they meet (Melis et al., 2020, "Mogrifier LSTM")."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seq2seq.nn.linear import linear
from seq2seq.nn.upcast import upcast
from seq2seq.ranges import Count, CountOrZero, Finite, checked
from seq2seq.recurrence.base import Recurrence
from seq2seq.recurrence.chrono import MemorySpan
from seq2seq.recurrence.rnn import LSTMState, initialise_weights, lstm_biases


class MogrifierLSTM(Recurrence[LSTMState]):
    """x = 2 sigmoid(Q h) x and h = 2 sigmoid(R x) h in turn, then a step of an LSTM (Melis et al., 2020, section 2).

    Every round has a matrix of its own. What goes in waits for what was said before, so no product runs ahead in time
    and the layer takes several times as long as an LSTM.

    Args:
        input_size: Number of features that come in at every step.
        size: Number of units.
        rounds: How often one gates the other, beginning with the input; none is an LSTM.
        rank: Make each round's matrix a product of two of this rank, which is smaller; a whole matrix if not given.
        forget_bias: Bias of the forget gate at the start; one keeps the memory open (Jozefowicz et al., 2015).
        memory_span: Spread the gates' biases for memories of up to so many steps, instead of forget_bias.
    """

    @checked
    def __init__(
        self,
        input_size: Count,
        size: Count,
        rounds: CountOrZero = 5,
        rank: Count | None = None,
        forget_bias: Finite = 1.0,
        memory_span: MemorySpan | None = None,
    ) -> None:
        super().__init__(input_size, size)
        self.outer = nn.Linear(input_size, 4 * size)
        self.inner = nn.Linear(size, 4 * size, bias=False)
        initialise_weights(self.outer.weight, self.inner.weight)
        with torch.no_grad():
            self.outer.bias.copy_(lstm_biases(size, forget_bias, memory_span))
        sizes = [(size, input_size), (input_size, size)]
        self.rounds = nn.ModuleList(gate(*sizes[n % 2], rank) for n in range(rounds))

    def initial_state(self, batch: int) -> LSTMState:
        zeros = self.inner.weight.new_zeros(batch, self.size)
        return LSTMState(zeros, zeros)

    def step(self, x: Float[Tensor, "batch input"], state: LSTMState) -> tuple[Tensor, LSTMState]:
        x, h = self.mogrify(x, state.hidden)
        i, f, g, o = upcast(self.outer(x) + self.inner(h)).chunk(4, dim=-1)
        cell = f.sigmoid() * state.cell + i.sigmoid() * g.tanh()
        hidden = o.sigmoid() * cell.tanh()
        return hidden, LSTMState(hidden, cell)

    def mogrify(
        self, x: Float[Tensor, "batch input"], h: Float[Tensor, "batch size"]
    ) -> tuple[Float[Tensor, "batch input"], Float[Tensor, "batch size"]]:
        for n, gate in enumerate(self.rounds):
            if n % 2 == 0:
                x = 2 * upcast(gate(h)).sigmoid() * x
            else:
                h = 2 * upcast(gate(x)).sigmoid() * h
        return x, h


def gate(size_in: int, size_out: int, rank: int | None) -> nn.Module:
    if rank is None:
        return linear(size_in, size_out, bias=False)
    return nn.Sequential(linear(size_in, rank, bias=False), linear(rank, size_out, bias=False))
