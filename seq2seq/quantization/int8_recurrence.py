"""The gated layers in whole numbers of 8 bits, a sequence or a step in one call of a kernel."""

from typing import Any, Literal, cast

from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.kernels.int8 import Gates, Rounded
from seq2seq.kernels.library import serves
from seq2seq.quantization.linear import Int8Linear
from seq2seq.quantization.recurrence import QuantizedGRU, QuantizedLSTM
from seq2seq.recurrence.base import Recurrence
from seq2seq.recurrence.ops.padding import fill_padding, last_steps
from seq2seq.recurrence.rnn import GRU, LSTM, LSTMState


class Int8LSTM(Recurrence[LSTMState]):
    """An LSTM with weights of 8 bits and its state in float32.

    Args:
        layer: The LSTM.
    """

    def __init__(self, layer: LSTM) -> None:
        super().__init__(layer.input_size, layer.size)
        self.plain = QuantizedLSTM(layer, Int8Linear)  # what serves where there are no kernels
        self.gates: Gates | None = None  # made when they are first needed

    def initial_state(self, batch: int) -> LSTMState:
        return self.plain.initial_state(batch)

    def forward(
        self, x: Tensor, state: LSTMState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, LSTMState]:
        if not serves(x) or not x.shape[1]:
            return self.plain(x, state, lengths)  # type: ignore[no-any-return]
        before = self.initial_state(len(x)) if state is None else state
        hiddens, cells = self.run(fill_padding(x, lengths, 0.0).transpose(0, 1), before)
        after = LSTMState(at_end(before.hidden, hiddens, lengths), at_end(before.cell, cells, lengths))
        return hiddens.transpose(0, 1), after

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        if not serves(x):
            return self.plain.step(x, state)
        hiddens, cells = self.run(x[None], state)
        return hiddens[0], LSTMState(hiddens[0], cells[0])

    def __getstate__(self) -> dict[str, Any]:
        """Without what points into this process's memory."""
        return {**self.__dict__, "gates": None}

    def run(self, x: Float[Tensor, "time batch input"], state: LSTMState) -> tuple[Tensor, Tensor]:
        if self.gates is None:
            self.gates = gates("lstm", self.plain)
        return self.gates(x, *state)


class Int8GRU(Recurrence[Tensor]):
    """A GRU with weights of 8 bits and its state in float32.

    Args:
        layer: The GRU.
    """

    def __init__(self, layer: GRU) -> None:
        super().__init__(layer.input_size, layer.size)
        self.plain = QuantizedGRU(layer, Int8Linear)  # what serves where there are no kernels
        self.gates: Gates | None = None  # made when they are first needed

    def initial_state(self, batch: int) -> Tensor:
        return self.plain.initial_state(batch)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, Tensor]:
        if not serves(x) or not x.shape[1]:
            return self.plain(x, state, lengths)  # type: ignore[no-any-return]
        before = self.initial_state(len(x)) if state is None else state
        hiddens = self.run(fill_padding(x, lengths, 0.0).transpose(0, 1), before)
        return hiddens.transpose(0, 1), at_end(before, hiddens, lengths)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        if not serves(x):
            return self.plain.step(x, state)
        hidden = self.run(x[None], state)[0]
        return hidden, hidden

    def __getstate__(self) -> dict[str, Any]:
        """Without what points into this process's memory."""
        return {**self.__dict__, "gates": None}

    def run(self, x: Float[Tensor, "time batch input"], state: Tensor) -> Float[Tensor, "time batch size"]:
        if self.gates is None:
            self.gates = gates("gru", self.plain)
        hiddens, _ = self.gates(x, state, state)
        return hiddens


def gates(kind: Literal["lstm", "gru"], layer: QuantizedLSTM | QuantizedGRU) -> Gates:
    """A layer's weights for the kernels; where its input comes worked out, only those of its state."""
    inner = parts(cast("Int8Linear", layer.inner))
    return Gates(kind, parts(layer.outer) if isinstance(layer.outer, Int8Linear) else None, inner)


def parts(linear: Int8Linear) -> Rounded:
    return linear.rounded, linear.scale, linear.bias


def at_end(
    before: Float[Tensor, "batch size"], after: Float[Tensor, "time batch size"], lengths: Int[Tensor, " batch"] | None
) -> Float[Tensor, "batch size"]:
    """What was there when each row ended: before all steps, or after one of them."""
    return after[-1] if lengths is None else last_steps(before[:, None], after.transpose(0, 1), lengths)[:, 0]
