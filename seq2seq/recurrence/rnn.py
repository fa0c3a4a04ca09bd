"""Elman RNN (1990), LSTM (Hochreiter and Schmidhuber, 1997) and GRU (Cho et al., 2014), on torch's modules."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.nn.dropout import WeightDropout
from seq2seq.nn.mixed_precision import has_fast_products, upcast
from seq2seq.ranges import Count, DropProbability, Finite, checked
from seq2seq.recurrence.gate_biases import MemorySpan, gru_biases, lstm_biases
from seq2seq.recurrence.ops.gates import gru_gates, lstm_gates, split_gru
from seq2seq.recurrence.ops.padding import fill_padding, flag_padding, last_step
from seq2seq.recurrence.recurrence import Recurrence


class LSTMState(NamedTuple):
    hidden: Float[Tensor, "batch size"]
    cell: Float[Tensor, "batch size"]


class RNN(Recurrence[Tensor]):
    """Elman's simple recurrent network, h = f(W x + R h + b) (Elman, 1990).

    Args:
        input_size: Number of input features of a step.
        size: Number of units.
        nonlinearity: The function f; with relu, the initialization of the recurrent weights matters even more.
        weight_dropout: Probability of dropping each recurrent weight, with one mask for a whole sequence.
        initialisation: Initialization of the recurrent weights: orthogonal (Saxe et al., 2014), identity, designed for
            relu (Le et al., 2015), or uniform, torch's default, within 1 / sqrt(size) and for input weights and biases
            too.
    """

    @checked
    def __init__(
        self,
        input_size: Count,
        size: Count,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        weight_dropout: DropProbability = 0.0,
        initialisation: Literal["orthogonal", "identity", "uniform"] = "orthogonal",
    ) -> None:
        super().__init__(input_size, size)
        self.rnn = nn.RNN(input_size, size, nonlinearity=nonlinearity, batch_first=True)
        self.weight_dropout = WeightDropout(weight_dropout)
        if initialisation != "uniform":
            init_hh = {"orthogonal": nn.init.orthogonal_, "identity": nn.init.eye_}[initialisation]
            initialize(self.rnn, torch.zeros(size), init_hh)

    def initial_state(self, batch: int) -> Tensor:
        return zero_state(self, batch)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, Tensor]:
        if not x.shape[1]:  # torch's RNN refuses empty sequences
            return super().forward(x, state, lengths)
        state = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        if self.weight_dropout.active:
            rnn = torch.rnn_tanh if self.rnn.nonlinearity == "tanh" else torch.rnn_relu
            y, hidden = rnn(x, state[None], weights_after_dropout(self), True, 1, 0.0, self.training, False, True)
        else:
            y, hidden = self.rnn(x, state[None])
        return y, hidden[0] if lengths is None else last_step(state.to(y.dtype), y, lengths)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        cell = torch.rnn_tanh_cell if self.rnn.nonlinearity == "tanh" else torch.rnn_relu_cell
        hidden = cell(x, state, *weights_after_dropout(self))
        return hidden, hidden


class LSTM(Recurrence[LSTMState]):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997), with a forget gate (Gers et al., 2000).

    Args:
        input_size: Number of input features of a step.
        size: Number of units.
        forget_bias: Initial bias of the forget gate; 1 helps to learn long dependencies (Jozefowicz et al., 2015).
        weight_dropout: Probability of dropping each recurrent weight, with one mask for a whole sequence.
        memory_span: Chrono initialization of the gate biases for memories of up to this many steps, instead of
            forget_bias.
    """

    @checked
    def __init__(
        self,
        input_size: Count,
        size: Count,
        forget_bias: Finite = 1.0,
        weight_dropout: DropProbability = 0.0,
        memory_span: MemorySpan | None = None,
    ) -> None:
        super().__init__(input_size, size)
        self.rnn = nn.LSTM(input_size, size, batch_first=True)
        self.weight_dropout = WeightDropout(weight_dropout)
        initialize(self.rnn, lstm_biases(size, forget_bias, memory_span))

    def initial_state(self, batch: int) -> LSTMState:
        return LSTMState(zero_state(self, batch), zero_state(self, batch))

    def forward(
        self, x: Tensor, state: LSTMState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, LSTMState]:
        if not x.shape[1]:
            return super().forward(x, state, lengths)
        state = self.initial_state(len(x)) if state is None else state
        torch_state = (state.hidden[None], state.cell[None])
        if lengths is None and not self.weight_dropout.active:
            with disable_unsupported_onednn(x):
                y, (hidden, cell) = self.rnn(x, torch_state)
            return y, LSTMState(hidden[0], cell[0])
        weights = weights_after_dropout(self)
        if lengths is not None:  # on padding, a closed input gate and an open forget gate keep the cell unchanged
            x, weights[0] = flag_padding(x, lengths, weights[0], (-1.0, 1.0, 0.0, 0.0))
        with disable_unsupported_onednn(x):
            y, hidden, cell = torch.lstm(x, torch_state, weights, True, 1, 0.0, self.training, False, True)
        last_hidden = hidden[0] if lengths is None else last_step(state.hidden.to(y.dtype), y, lengths)
        return y, LSTMState(last_hidden, cell[0])

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        next_state = LSTMState(*torch.lstm_cell(x, state, *weights_after_dropout(self)))
        return next_state.hidden, next_state

    def named_gates(self, x: Tensor, state: LSTMState) -> dict[str, Tensor]:
        gates_ih, gates_hh = pre_activations(self, x, state.hidden)
        return lstm_gates(gates_ih + gates_hh)._asdict()


class GRU(Recurrence[Tensor]):
    """Gated recurrent unit (Cho et al., 2014), in torch's form: h = (1 - z) n + z h, where z = 1 keeps the old state.

    Args:
        input_size: Number of input features of a step.
        size: Number of units.
        keep_bias: Initial bias of the update gate z; above zero keeps the memory longer.
        weight_dropout: Probability of dropping each recurrent weight, with one mask for a whole sequence.
        memory_span: Chrono initialization of the update gate's bias for memories of up to this many steps, instead of
            keep_bias.
    """

    @checked
    def __init__(
        self,
        input_size: Count,
        size: Count,
        keep_bias: Finite = 1.0,
        weight_dropout: DropProbability = 0.0,
        memory_span: MemorySpan | None = None,
    ) -> None:
        super().__init__(input_size, size)
        self.rnn = nn.GRU(input_size, size, batch_first=True)
        self.weight_dropout = WeightDropout(weight_dropout)
        initialize(self.rnn, gru_biases(size, keep_bias, memory_span))

    def initial_state(self, batch: int) -> Tensor:
        return zero_state(self, batch)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, Tensor]:
        if not x.shape[1]:
            return super().forward(x, state, lengths)
        state = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        if self.weight_dropout.active:
            weights = weights_after_dropout(self)
            y, hidden = torch.gru(x, state[None], weights, True, 1, 0.0, self.training, False, True)
        else:
            y, hidden = self.rnn(x, state[None])
        return y, hidden[0] if lengths is None else last_step(state.to(y.dtype), y, lengths)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.gru_cell(x, state, *weights_after_dropout(self))
        return hidden, hidden

    def named_gates(self, x: Tensor, state: Tensor) -> dict[str, Tensor]:
        gates_ih, gates_hh = pre_activations(self, x, state)
        return gru_gates(split_gru(gates_ih), split_gru(gates_hh))._asdict()


@contextmanager
def disable_unsupported_onednn(x: Tensor) -> Iterator[None]:
    """Disable oneDNN within the context where its LSTM would fail.

    That is under autocast to a dtype for which the CPU has no matrix products, such as bfloat16 with AVX2 alone: torch
    chooses oneDNN by the dtype of the input before autocast.
    """
    mkldnn = cast(Any, torch.backends.mkldnn)
    supported = (
        not x.is_cpu or not torch.is_autocast_enabled("cpu") or has_fast_products(torch.get_autocast_dtype("cpu"))
    )
    if supported:
        yield
        return
    enabled, mkldnn.enabled = mkldnn.enabled, False
    try:
        yield
    finally:
        mkldnn.enabled = enabled


def weights_after_dropout(layer: RNN | LSTM | GRU) -> list[Tensor]:
    """Return a layer's parameters in torch's order, with dropout applied to the recurrent weights."""
    weight_ih, weight_hh, *biases = layer.rnn.all_weights[0]
    return [weight_ih, layer.weight_dropout(weight_hh), *biases]


def pre_activations(layer: LSTM | GRU, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """Return the input's and the hidden state's part of the gates' pre-activations, each with its bias."""
    weight_ih, weight_hh, bias_ih, bias_hh = layer.rnn.all_weights[0]
    return upcast(F.linear(x, weight_ih, bias_ih)), upcast(F.linear(hidden, weight_hh, bias_hh))


def zero_state(layer: RNN | LSTM | GRU, batch: int) -> Tensor:
    return layer.rnn.all_weights[0][0].new_zeros(batch, layer.size)


def initialize(
    rnn: nn.RNNBase, biases: Float[Tensor, " gates"], init_hh: Callable[[Tensor], Tensor] = nn.init.orthogonal_
) -> None:
    """Initialize a torch module's parameters; torch adds its two biases, so bias_ih is `biases` and bias_hh is zero."""
    weight_ih, weight_hh, bias_ih, bias_hh = rnn.all_weights[0]
    initialize_weights(weight_ih, weight_hh, init_hh)
    with torch.no_grad():
        bias_ih.copy_(biases)
        bias_hh.zero_()


def initialize_weights(
    weight_ih: Float[Tensor, "gates input"],
    weight_hh: Float[Tensor, "gates size"],
    init_hh: Callable[[Tensor], Tensor] = nn.init.orthogonal_,
) -> None:
    """Initialize each gate: input weights by Glorot's uniform, recurrent ones orthogonally (Saxe et al., 2014)."""
    size = weight_hh.shape[1]
    with torch.no_grad():
        for gate in weight_hh.split(size):
            init_hh(gate)
        for gate in weight_ih.split(size):
            nn.init.xavier_uniform_(gate)
