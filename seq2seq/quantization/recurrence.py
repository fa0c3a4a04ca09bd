"""LSTM, GRU and simple RNN with quantized weights, for inference only."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.nn.mixed_precision import has_fast_products
from seq2seq.recurrence.cell import Cell
from seq2seq.recurrence.ops.gates import GRUGates, LSTMGates, gru_gates, lstm_gates, split_gru
from seq2seq.recurrence.recurrence import Recurrence
from seq2seq.recurrence.rnn import GRU, LSTM, RNN, LSTMState
from seq2seq.state import S, map_state

QuantizeLinear: TypeAlias = Callable[[nn.Linear], nn.Module]  # linear layer -> the same layer, quantized


class QuantizedCell(Cell[S]):
    """A recurrent layer run step by step, with quantized weights and a state in float32.

    Args:
        layer: The layer.
        quantize_linear: Returns a quantized copy of a linear layer.
    """

    def __init__(self, layer: LSTM | GRU | RNN, quantize_linear: QuantizeLinear) -> None:
        super().__init__(layer.input_size, layer.size)
        weight_ih, weight_hh, bias_ih, bias_hh = layer.rnn.all_weights[0]
        self.linear_ih = quantize_linear(linear(weight_ih, bias_ih))
        self.linear_hh = quantize_linear(linear(weight_hh, bias_hh))

    def project_input(self, x: Float[Tensor, "*steps input"]) -> Float[Tensor, "*steps gates"]:
        return self.linear_ih(x)  # type: ignore[no-any-return]

    def zero_state(self, batch: int) -> Float[Tensor, "batch size"]:
        buffer: Tensor = next(self.linear_hh.buffers())
        return torch.zeros(batch, self.size, device=buffer.device)


class QuantizedLSTM(QuantizedCell[LSTMState]):
    """An LSTM with quantized weights."""

    def initial_state(self, batch: int) -> LSTMState:
        return LSTMState(self.zero_state(batch), self.zero_state(batch))

    def cell(self, projected_x: Float[Tensor, "batch gates"], state: LSTMState) -> tuple[Tensor, LSTMState]:
        gates = self.compute_gates(projected_x, state)
        cell = gates.next_cell(state.cell)
        hidden = gates.output * cell.tanh()
        return hidden, LSTMState(hidden, cell)

    def compute_gates(self, gates_ih: Float[Tensor, "batch gates"], state: LSTMState) -> LSTMGates:
        return lstm_gates(gates_ih + self.linear_hh(state.hidden))

    def named_gates(self, x: Tensor, state: LSTMState) -> dict[str, Tensor]:
        return self.compute_gates(self.project_input(x), state)._asdict()


class QuantizedGRU(QuantizedCell[Tensor]):
    """A GRU with quantized weights."""

    def initial_state(self, batch: int) -> Tensor:
        return self.zero_state(batch)

    def cell(self, projected_x: Float[Tensor, "batch gates"], state: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.compute_gates(projected_x, state).next_hidden(state)
        return hidden, hidden

    def compute_gates(self, gates_ih: Float[Tensor, "batch gates"], state: Tensor) -> GRUGates:
        return gru_gates(split_gru(gates_ih), split_gru(self.linear_hh(state)))

    def named_gates(self, x: Tensor, state: Tensor) -> dict[str, Tensor]:
        return self.compute_gates(self.project_input(x), state)._asdict()


class QuantizedRNN(QuantizedCell[Tensor]):
    """A simple recurrent network with quantized weights."""

    def __init__(self, layer: RNN, quantize_linear: QuantizeLinear) -> None:
        super().__init__(layer, quantize_linear)
        self.nonlinearity = torch.tanh if layer.rnn.nonlinearity == "tanh" else torch.relu

    def initial_state(self, batch: int) -> Tensor:
        return self.zero_state(batch)

    def cell(self, projected_x: Float[Tensor, "batch size"], state: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.nonlinearity(projected_x + self.linear_hh(state))
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

    def named_gates(self, x: Tensor, state: Any) -> dict[str, Tensor]:
        gates = self.layer.named_gates(x.bfloat16(), map_state(Tensor.bfloat16, state))
        return {name: gate.float() for name, gate in gates.items()}


def linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Return a linear layer with these weights."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight, layer.bias = nn.Parameter(weight, False), nn.Parameter(bias, False)
    return layer
