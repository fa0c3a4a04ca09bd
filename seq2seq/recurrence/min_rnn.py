"""MinGRU and MinLSTM: gates that ignore the hidden state, so that time runs in parallel (Feng et al., 2024)."""

from abc import abstractmethod
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.nn.linear import linear
from seq2seq.nn.mixed_precision import upcast
from seq2seq.ranges import Count, Finite, checked
from seq2seq.recurrence.gate_biases import MemorySpan, chrono
from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.recurrence.ops.scan import linear_recurrence
from seq2seq.recurrence.recurrence import Recurrence


class MinGates(NamedTuple):
    """The factor of the previous hidden state, that of the candidate, and the candidate itself."""

    forget: Float[Tensor, "*steps size"]
    input: Float[Tensor, "*steps size"]
    candidate: Float[Tensor, "*steps size"]


class MinRNN(Recurrence[Tensor]):
    """A recurrence h[t] = f[t] h[t-1] + i[t] c[t], whose gates f and i and candidate c depend on x[t] only."""

    parallel = True
    input_projection: nn.Linear

    @abstractmethod
    def compute_gates(self, x: Float[Tensor, "*steps input"]) -> MinGates:
        """Return the gates of any number of steps."""

    def initial_state(self, batch: int) -> Tensor:
        return self.input_projection.weight.new_zeros(batch, self.size)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, Tensor]:
        state = self.initial_state(len(x)) if state is None else state
        gates = self.compute_gates(fill_padding(x, lengths, 0.0))
        return linear_recurrence(gates.forget, gates.input * gates.candidate, state, lengths)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        gates = self.compute_gates(x)
        hidden = gates.forget * state + gates.input * gates.candidate
        return hidden, hidden

    def named_gates(self, x: Tensor, state: Tensor) -> dict[str, Tensor]:
        return self.compute_gates(x)._asdict()


class MinGRU(MinRNN):
    """Minimal GRU: h[t] = (1 - z[t]) h[t-1] + z[t] g(c[t]) (Feng et al., 2024, section 3.1).

    z and c depend on x[t] only. Here z = 1 writes the candidate, while in torch's GRU z = 1 keeps the old state.

    Args:
        input_size: Number of input features of a step.
        size: Number of units.
        write_bias: Initial bias of the gate z; below zero keeps the memory longer.
        memory_span: Chrono initialization of the gate's bias for memories of up to this many steps, instead of
            write_bias.
    """

    @checked
    def __init__(
        self, input_size: Count, size: Count, write_bias: Finite = -1.0, memory_span: MemorySpan | None = None
    ) -> None:
        super().__init__(input_size, size)
        self.input_projection = linear(input_size, 2 * size)
        with torch.no_grad():
            gate, _ = self.input_projection.bias.chunk(2)
            gate.copy_(torch.full_like(gate, write_bias) if memory_span is None else -chrono(size, memory_span))

    def compute_gates(self, x: Float[Tensor, "*steps input"]) -> MinGates:
        input_gate, candidate = upcast(self.input_projection(x)).chunk(2, dim=-1)
        return MinGates(torch.sigmoid(-input_gate), torch.sigmoid(input_gate), positive(candidate))


class MinLSTM(MinRNN):
    """Minimal LSTM: h[t] = f' h[t-1] + i' g(c[t]), where f' + i' = 1 (Feng et al., 2024, section 3.2).

    Args:
        input_size: Number of input features of a step.
        size: Number of units.
        forget_bias: Initial bias of the forget gate; above zero keeps the memory longer.
        memory_span: Chrono initialization of the gate biases for memories of up to this many steps, instead of
            forget_bias.
    """

    @checked
    def __init__(
        self, input_size: Count, size: Count, forget_bias: Finite = 1.0, memory_span: MemorySpan | None = None
    ) -> None:
        super().__init__(input_size, size)
        self.input_projection = linear(input_size, 3 * size)
        with torch.no_grad():
            forget_gate, input_gate, _ = self.input_projection.bias.chunk(3)
            if memory_span is None:
                forget_gate.fill_(forget_bias)
            else:
                forget_gate.copy_(chrono(size, memory_span))
                input_gate.copy_(-forget_gate)

    def compute_gates(self, x: Float[Tensor, "*steps input"]) -> MinGates:
        forget_gate, input_gate, candidate = upcast(self.input_projection(x)).chunk(3, dim=-1)
        # f / (f + i) of two sigmoids, without a division
        logit = F.logsigmoid(forget_gate) - F.logsigmoid(input_gate)
        return MinGates(torch.sigmoid(logit), torch.sigmoid(-logit), positive(candidate))


def positive(x: Tensor) -> Tensor:
    """Return g(x) = x + 1/2 for x >= 0 and sigmoid(x) for x < 0 (Feng et al., 2024, appendix B)."""
    return torch.where(x >= 0, x + 0.5, torch.sigmoid(x))
