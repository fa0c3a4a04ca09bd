"""The classical layers with rounded weights, for models that are used and no longer trained."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.kernels.elementwise import tanh
from seq2seq.processor import has_fast_products
from seq2seq.recurrence.base import Recurrence, unroll
from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.recurrence.rnn import GRU, LSTM, RNN, LSTMState
from seq2seq.state import map_state

QuantizeLinear: TypeAlias = Callable[[nn.Linear], nn.Module]  # a linear layer -> the same with rounded weights


class QuantizedLSTM(Recurrence[LSTMState]):
    """An LSTM step by step, with rounded weights and its state in float32.

    Args:
        layer: The LSTM.
        rounding: Makes a rounded layer of a linear one.
    """

    def __init__(self, layer: LSTM, rounding: QuantizeLinear) -> None:
        super().__init__(layer.input_size, layer.size)
        self.outer, self.inner = products(layer, rounding)

    def initial_state(self, batch: int) -> LSTMState:
        return LSTMState(zeros(self, batch), zeros(self, batch))

    def forward(
        self, x: Tensor, state: LSTMState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, LSTMState]:
        before = self.initial_state(len(x)) if state is None else state
        return unroll(self.cell, self.outer(fill_padding(x, lengths, 0.0)), before, lengths)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        return self.cell(self.outer(x), state)

    def cell(self, heard: Float[Tensor, "batch gates"], state: LSTMState) -> tuple[Tensor, LSTMState]:
        i, f, g, o = (heard + self.inner(state.hidden)).chunk(4, dim=-1)
        cell = torch.addcmul(f.sigmoid() * state.cell, i.sigmoid(), tanh(g))
        hidden = o.sigmoid() * tanh(cell)
        return hidden, LSTMState(hidden, cell)


class QuantizedGRU(Recurrence[Tensor]):
    """A GRU step by step, with rounded weights and its state in float32.

    Args:
        layer: The GRU.
        rounding: Makes a rounded layer of a linear one.
    """

    def __init__(self, layer: GRU, rounding: QuantizeLinear) -> None:
        super().__init__(layer.input_size, layer.size)
        self.outer, self.inner = products(layer, rounding)

    def initial_state(self, batch: int) -> Tensor:
        return zeros(self, batch)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, Tensor]:
        before = self.initial_state(len(x)) if state is None else state
        return unroll(self.cell, self.outer(fill_padding(x, lengths, 0.0)), before, lengths)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.cell(self.outer(x), state)

    def cell(self, heard: Float[Tensor, "batch gates"], state: Tensor) -> tuple[Tensor, Tensor]:
        gates, candidate = heard.tensor_split([2 * self.size], dim=-1)
        more_gates, recalled = self.inner(state).tensor_split([2 * self.size], dim=-1)
        r, z = (gates + more_gates).sigmoid().chunk(2, dim=-1)
        hidden = torch.lerp(tanh(torch.addcmul(candidate, r, recalled)), state, z)
        return hidden, hidden


class QuantizedRNN(Recurrence[Tensor]):
    """A simple recurrent network step by step, with rounded weights and its state in float32.

    Args:
        layer: The simple recurrent network.
        rounding: Makes a rounded layer of a linear one.
    """

    def __init__(self, layer: RNN, rounding: QuantizeLinear) -> None:
        super().__init__(layer.input_size, layer.size)
        self.outer, self.inner = products(layer, rounding)
        self.nonlinearity = tanh if layer.kernel.nonlinearity == "tanh" else torch.relu

    def initial_state(self, batch: int) -> Tensor:
        return zeros(self, batch)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, Tensor]:
        before = self.initial_state(len(x)) if state is None else state
        return unroll(self.cell, self.outer(fill_padding(x, lengths, 0.0)), before, lengths)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.cell(self.outer(x), state)

    def cell(self, heard: Float[Tensor, "batch size"], state: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.nonlinearity(heard + self.inner(state))
        return hidden, hidden


class BFloat16Layer(Recurrence[Any]):
    """A classical layer that reads a whole sequence in bfloat16; what comes out is float32, and so is its state.

    Where the processor has no products of bfloat16, the layer computes in float32 with the rounded weights.

    Args:
        layer: The layer; it is changed to bfloat16.
    """

    def __init__(self, layer: LSTM | GRU | RNN) -> None:
        super().__init__(layer.input_size, layer.size)
        self.layer = layer.bfloat16()
        self.wide: list[Recurrence[Any]] = []  # the same in float32, made when it is first needed; no part of the model

    def initial_state(self, batch: int) -> Any:
        return map_state(Tensor.float, self.layer.initial_state(batch))

    def forward(self, x: Tensor, state: Any = None, lengths: Int[Tensor, " batch"] | None = None) -> tuple[Tensor, Any]:
        if x.is_cpu and not has_fast_products(torch.bfloat16):
            if not self.wide:
                self.wide.append(deepcopy(self.layer).float())
            y, after = self.wide[0](x, state, lengths)
            return y, after
        before = None if state is None else map_state(Tensor.bfloat16, state)
        y, after = self.layer(x.bfloat16(), before, lengths)
        return y.float(), map_state(Tensor.float, after)


def products(layer: LSTM | GRU | RNN, rounding: QuantizeLinear) -> tuple[nn.Module, nn.Module]:
    """What a layer's input and what its hidden state say to the gates, as rounded linear layers."""
    outer, inner, bias, other_bias = layer.kernel.all_weights[0]
    return rounding(linear(outer, bias)), rounding(linear(inner, other_bias))


def linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """A linear layer of weights that are there already."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight, layer.bias = nn.Parameter(weight, False), nn.Parameter(bias, False)
    return layer


def zeros(layer: QuantizedLSTM | QuantizedGRU | QuantizedRNN, batch: int) -> Float[Tensor, "batch size"]:
    bias: Tensor = next(layer.inner.buffers())
    return torch.zeros(batch, layer.size, device=bias.device)
