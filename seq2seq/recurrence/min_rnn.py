"""Recurrences whose gates ignore the past, so that time runs in parallel (Feng et al., 2024)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from seq2seq.nn.linear import linear
from seq2seq.nn.upcast import upcast
from seq2seq.ranges import Count, Finite, checked
from seq2seq.recurrence.base import Recurrence
from seq2seq.recurrence.chrono import MemorySpan, chrono
from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.recurrence.ops.scan import linear_recurrence


class MinGRU(Recurrence[Tensor]):
    """h[t] = (1 - z[t]) h[t-1] + z[t] g(c[t]), where z and c read x[t] alone (Feng et al., 2024, section 3.1).

    Here z writes, while in a GRU of torch it keeps.

    Args:
        input_size: Number of features that come in at every step.
        size: Number of units.
        write_bias: Bias of the gate z at the start; below zero keeps the memory longer.
        memory_span: Spread the gates' biases for memories of up to so many steps, instead of write_bias.
    """

    parallel = True

    @checked
    def __init__(
        self, input_size: Count, size: Count, write_bias: Finite = -1.0, memory_span: MemorySpan | None = None
    ) -> None:
        super().__init__(input_size, size)
        self.project = linear(input_size, 2 * size)
        with torch.no_grad():
            write, _ = self.project.bias.chunk(2)
            write.copy_(torch.full_like(write, write_bias) if memory_span is None else -chrono(size, memory_span))

    def initial_state(self, batch: int) -> Tensor:
        return self.project.weight.new_zeros(batch, self.size)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, Tensor]:
        before = self.initial_state(len(x)) if state is None else state
        return linear_recurrence(*self.gates(fill_padding(x, lengths, 0.0)), before, lengths)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        keep, new = self.gates(x)
        hidden = keep * state + new
        return hidden, hidden

    def gates(
        self, x: Float[Tensor, "*steps input"]
    ) -> tuple[Float[Tensor, "*steps size"], Float[Tensor, "*steps size"]]:
        """What is kept of the past, and what is added to it."""
        write, candidate = upcast(self.project(x)).chunk(2, dim=-1)
        return torch.sigmoid(-write), torch.sigmoid(write) * positive(candidate)


class MinLSTM(Recurrence[Tensor]):
    """h[t] = f' h[t-1] + i' g(c[t]), where f' + i' = 1 (Feng et al., 2024, section 3.2).

    Args:
        input_size: Number of features that come in at every step.
        size: Number of units.
        forget_bias: Bias of the forget gate at the start; above zero keeps the memory longer.
        memory_span: Spread the gates' biases for memories of up to so many steps, instead of forget_bias.
    """

    parallel = True

    @checked
    def __init__(
        self, input_size: Count, size: Count, forget_bias: Finite = 1.0, memory_span: MemorySpan | None = None
    ) -> None:
        super().__init__(input_size, size)
        self.project = linear(input_size, 3 * size)
        with torch.no_grad():
            forget, write, _ = self.project.bias.chunk(3)
            if memory_span is None:
                forget.fill_(forget_bias)
            else:
                forget.copy_(chrono(size, memory_span))
                write.copy_(-forget)

    def initial_state(self, batch: int) -> Tensor:
        return self.project.weight.new_zeros(batch, self.size)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, Tensor]:
        before = self.initial_state(len(x)) if state is None else state
        return linear_recurrence(*self.gates(fill_padding(x, lengths, 0.0)), before, lengths)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        keep, new = self.gates(x)
        hidden = keep * state + new
        return hidden, hidden

    def gates(
        self, x: Float[Tensor, "*steps input"]
    ) -> tuple[Float[Tensor, "*steps size"], Float[Tensor, "*steps size"]]:
        """What is kept of the past, and what is added to it."""
        forget, write, candidate = upcast(self.project(x)).chunk(3, dim=-1)
        # f / (f + i) of two sigmoids, without a division
        balance = F.logsigmoid(forget) - F.logsigmoid(write)
        return torch.sigmoid(balance), torch.sigmoid(-balance) * positive(candidate)


def positive(x: Tensor) -> Tensor:
    """g(x) = x + 1/2 where x is not negative, and the logistic function where it is (Feng et al., 2024, appendix B)."""
    return torch.where(x >= 0, x + 0.5, torch.sigmoid(x))
