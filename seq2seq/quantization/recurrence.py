"""LSTM, GRU and simple RNN with quantized weights, for inference only."""

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

QuantizeLinear: TypeAlias = Callable[[nn.Linear], nn.Module]  # linear layer -> the same layer, quantized


class QuantizedLSTM(Recurrence[LSTMState]):
    """An LSTM run step by step, with quantized weights and a state in float32.

    Args:
        layer: The LSTM.
        quantize_linear: Returns a quantized copy of a linear layer.
    """

    def __init__(self, layer: LSTM, quantize_linear: QuantizeLinear) -> None:
        super().__init__(layer.input_size, layer.size)
        self.linear_ih, self.linear_hh = quantized_projections(layer, quantize_linear)

    def initial_state(self, batch: int) -> LSTMState:
        return LSTMState(zero_state(self, batch), zero_state(self, batch))

    def forward(
        self, x: Tensor, state: LSTMState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, LSTMState]:
        state = self.initial_state(len(x)) if state is None else state
        return unroll(self.cell, self.linear_ih(fill_padding(x, lengths, 0.0)), state, lengths)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        return self.cell(self.linear_ih(x), state)

    def cell(self, gates_ih: Float[Tensor, "batch gates"], state: LSTMState) -> tuple[Tensor, LSTMState]:
        i, f, g, o = (gates_ih + self.linear_hh(state.hidden)).chunk(4, dim=-1)
        cell = torch.addcmul(f.sigmoid() * state.cell, i.sigmoid(), tanh(g))
        hidden = o.sigmoid() * tanh(cell)
        return hidden, LSTMState(hidden, cell)


class QuantizedGRU(Recurrence[Tensor]):
    """A GRU run step by step, with quantized weights and a state in float32.

    Args:
        layer: The GRU.
        quantize_linear: Returns a quantized copy of a linear layer.
    """

    def __init__(self, layer: GRU, quantize_linear: QuantizeLinear) -> None:
        super().__init__(layer.input_size, layer.size)
        self.linear_ih, self.linear_hh = quantized_projections(layer, quantize_linear)

    def initial_state(self, batch: int) -> Tensor:
        return zero_state(self, batch)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, Tensor]:
        state = self.initial_state(len(x)) if state is None else state
        return unroll(self.cell, self.linear_ih(fill_padding(x, lengths, 0.0)), state, lengths)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.cell(self.linear_ih(x), state)

    def cell(self, gates_ih: Float[Tensor, "batch gates"], state: Tensor) -> tuple[Tensor, Tensor]:
        gates_i, candidate_i = gates_ih.tensor_split([2 * self.size], dim=-1)
        gates_h, candidate_h = self.linear_hh(state).tensor_split([2 * self.size], dim=-1)
        r, z = (gates_i + gates_h).sigmoid().chunk(2, dim=-1)
        hidden = torch.lerp(tanh(torch.addcmul(candidate_i, r, candidate_h)), state, z)
        return hidden, hidden


class QuantizedRNN(Recurrence[Tensor]):
    """A simple recurrent network run step by step, with quantized weights and a state in float32.

    Args:
        layer: The simple recurrent network.
        quantize_linear: Returns a quantized copy of a linear layer.
    """

    def __init__(self, layer: RNN, quantize_linear: QuantizeLinear) -> None:
        super().__init__(layer.input_size, layer.size)
        self.linear_ih, self.linear_hh = quantized_projections(layer, quantize_linear)
        self.nonlinearity = tanh if layer.rnn.nonlinearity == "tanh" else torch.relu

    def initial_state(self, batch: int) -> Tensor:
        return zero_state(self, batch)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, Tensor]:
        state = self.initial_state(len(x)) if state is None else state
        return unroll(self.cell, self.linear_ih(fill_padding(x, lengths, 0.0)), state, lengths)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.cell(self.linear_ih(x), state)

    def cell(self, gates_ih: Float[Tensor, "batch size"], state: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.nonlinearity(gates_ih + self.linear_hh(state))
        return hidden, hidden


class BFloat16Layer(Recurrence[Any]):
    """An LSTM, GRU or RNN that computes whole sequences in bfloat16, with outputs and final state in float32.

    Where the processor has no products of bfloat16, it computes in float32 with the weights rounded to bfloat16.

    Args:
        layer: The layer, which is converted to bfloat16 in place.
    """

    def __init__(self, layer: LSTM | GRU | RNN) -> None:
        super().__init__(layer.input_size, layer.size)
        self.layer = layer.bfloat16()
        self.layer_float32: list[Recurrence[Any]] = []  # for processors without bfloat16; in a list: no submodule

    def initial_state(self, batch: int) -> Any:
        return map_state(Tensor.float, self.layer.initial_state(batch))

    def forward(self, x: Tensor, state: Any = None, lengths: Int[Tensor, " batch"] | None = None) -> tuple[Tensor, Any]:
        if x.is_cpu and not has_fast_products(torch.bfloat16):
            if not self.layer_float32:
                self.layer_float32.append(deepcopy(self.layer).float())
            y, final_state = self.layer_float32[0](x, state, lengths)
            return y, final_state
        initial_state = None if state is None else map_state(Tensor.bfloat16, state)
        y, final_state = self.layer(x.bfloat16(), initial_state, lengths)
        return y.float(), map_state(Tensor.float, final_state)


def quantized_projections(layer: LSTM | GRU | RNN, quantize_linear: QuantizeLinear) -> tuple[nn.Module, nn.Module]:
    """Return a layer's projections of its input and of its hidden state to the gates, quantized."""
    weight_ih, weight_hh, bias_ih, bias_hh = layer.rnn.all_weights[0]
    return quantize_linear(linear(weight_ih, bias_ih)), quantize_linear(linear(weight_hh, bias_hh))


def linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Return a linear layer with these weights."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight, layer.bias = nn.Parameter(weight, False), nn.Parameter(bias, False)
    return layer


def zero_state(layer: QuantizedLSTM | QuantizedGRU | QuantizedRNN, batch: int) -> Float[Tensor, "batch size"]:
    buffer: Tensor = next(layer.linear_hh.buffers())
    return torch.zeros(batch, layer.size, device=buffer.device)
