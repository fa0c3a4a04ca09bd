"""LSTM and GRU with int8 weights, a sequence or a step in one call of a C++ kernel."""

from typing import Any, Literal, cast

from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.kernels.int8 import PackedRNN, QuantizedParameters
from seq2seq.kernels.library import kernels_available
from seq2seq.quantization.linear import Int8Linear
from seq2seq.quantization.recurrence import QuantizedGRU, QuantizedLSTM
from seq2seq.recurrence.ops.padding import fill_padding, last_step
from seq2seq.recurrence.recurrence import Recurrence
from seq2seq.recurrence.rnn import GRU, LSTM, LSTMState


class Int8LSTM(Recurrence[LSTMState]):
    """An LSTM with int8 weights and a state in float32.

    Args:
        layer: The LSTM.
    """

    def __init__(self, layer: LSTM) -> None:
        super().__init__(layer.input_size, layer.size)
        self.reference = QuantizedLSTM(layer, Int8Linear)  # used where there are no kernels
        self.packed: PackedRNN | None = None  # the weights as the kernels need them, from the first call on

    def initial_state(self, batch: int) -> LSTMState:
        return self.reference.initial_state(batch)

    def forward(
        self, x: Tensor, state: LSTMState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, LSTMState]:
        if not kernels_available(x) or not x.shape[1]:
            return self.reference(x, state, lengths)  # type: ignore[no-any-return]
        state = self.initial_state(len(x)) if state is None else state
        outputs = self.run_kernel(fill_padding(x, lengths, 0.0).transpose(0, 1), state)
        hiddens, cells = (part.transpose(0, 1) for part in outputs)
        return hiddens, LSTMState(last_step(state.hidden, hiddens, lengths), last_step(state.cell, cells, lengths))

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        if not kernels_available(x):
            return self.reference.step(x, state)
        hiddens, cells = self.run_kernel(x[None], state)
        return hiddens[0], LSTMState(hiddens[0], cells[0])

    def named_gates(self, x: Tensor, state: LSTMState) -> dict[str, Tensor]:
        return self.reference.named_gates(x, state)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes without the packed weights, which contain pointers."""
        return {**self.__dict__, "packed": None}

    def run_kernel(self, x: Float[Tensor, "time batch input"], state: LSTMState) -> tuple[Tensor, Tensor]:
        if self.packed is None:
            self.packed = pack("lstm", self.reference)
        return self.packed(x, *state)


class Int8GRU(Recurrence[Tensor]):
    """A GRU with int8 weights and a state in float32.

    Args:
        layer: The GRU.
    """

    def __init__(self, layer: GRU) -> None:
        super().__init__(layer.input_size, layer.size)
        self.reference = QuantizedGRU(layer, Int8Linear)  # used where there are no kernels
        self.packed: PackedRNN | None = None  # the weights as the kernels need them, from the first call on

    def initial_state(self, batch: int) -> Tensor:
        return self.reference.initial_state(batch)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, Tensor]:
        if not kernels_available(x) or not x.shape[1]:
            return self.reference(x, state, lengths)  # type: ignore[no-any-return]
        state = self.initial_state(len(x)) if state is None else state
        hiddens = self.run_kernel(fill_padding(x, lengths, 0.0).transpose(0, 1), state).transpose(0, 1)
        return hiddens, last_step(state, hiddens, lengths)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        if not kernels_available(x):
            return self.reference.step(x, state)
        hidden = self.run_kernel(x[None], state)[0]
        return hidden, hidden

    def named_gates(self, x: Tensor, state: Tensor) -> dict[str, Tensor]:
        return self.reference.named_gates(x, state)

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes without the packed weights, which contain pointers."""
        return {**self.__dict__, "packed": None}

    def run_kernel(self, x: Float[Tensor, "time batch input"], state: Tensor) -> Float[Tensor, "time batch size"]:
        if self.packed is None:
            self.packed = pack("gru", self.reference)
        hiddens, _ = self.packed(x, state, state)
        return hiddens


def pack(kind: Literal["lstm", "gru"], layer: QuantizedLSTM | QuantizedGRU) -> PackedRNN:
    """Return a layer's weights for the kernels, without those of the input where its projection is folded away."""
    parameters_ih = quantized_parameters(layer.linear_ih) if isinstance(layer.linear_ih, Int8Linear) else None
    return PackedRNN(kind, parameters_ih, quantized_parameters(cast("Int8Linear", layer.linear_hh)))


def quantized_parameters(linear: Int8Linear) -> QuantizedParameters:
    return linear.quantized_weight, linear.scale, linear.bias
