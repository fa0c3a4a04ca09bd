"""The classical layers, each one call of torch's own kernel over the whole sequence."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.nn.dropout import WeightDropout
from seq2seq.processor import has_fast_products
from seq2seq.ranges import Count, DropProbability, Finite, checked
from seq2seq.recurrence.base import Recurrence
from seq2seq.recurrence.chrono import MemorySpan, chrono
from seq2seq.recurrence.ops.padding import fill_padding, padding_mask

FLAG = 1e30  # a pre-activation that no weights outweigh, and at which a sigmoid is 0 or 1 and has no slope


class LSTMState(NamedTuple):
    hidden: Float[Tensor, "batch size"]
    cell: Float[Tensor, "batch size"]


class RNN(Recurrence[Tensor]):
    """Elman's simple recurrent network, h = f(W x + R h + b) (Elman, 1990).

    Args:
        input_size: Number of features that come in at every step.
        size: Number of units.
        nonlinearity: The function f; with relu, the start of the recurrent weights matters even more.
        weight_dropout: Probability with which single recurrent weights are dropped for a whole sequence.
        initialisation: How the recurrent weights start: orthogonal (Saxe et al., 2014), identity, made for relu (Le et
            al., 2015), or uniform, which is torch's, up to 1 / sqrt(size) and for the input's weights and biases too.
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
        self.kernel = nn.RNN(input_size, size, nonlinearity=nonlinearity, batch_first=True)
        self.weight_dropout = WeightDropout(weight_dropout)
        if initialisation != "uniform":
            recurrent = {"orthogonal": nn.init.orthogonal_, "identity": nn.init.eye_}[initialisation]
            initialise(self.kernel, torch.zeros(size), recurrent)

    def initial_state(self, batch: int) -> Tensor:
        return zeros(self, batch)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, Tensor]:
        if not x.shape[1]:  # for which torch has no kernel
            return super().forward(x, state, lengths)
        before = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        if self.weight_dropout.active:
            run = torch.rnn_tanh if self.kernel.nonlinearity == "tanh" else torch.rnn_relu
            y, after = run(x, before[None], weights(self), True, 1, 0.0, self.training, False, True)
        else:
            y, after = self.kernel(x, before[None])
        return y, after[0] if lengths is None else last(y, lengths, before)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        cell = torch.rnn_tanh_cell if self.kernel.nonlinearity == "tanh" else torch.rnn_relu_cell
        hidden = cell(x, state, *weights(self))
        return hidden, hidden


class LSTM(Recurrence[LSTMState]):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997), with a forget gate (Gers et al., 2000).

    Args:
        input_size: Number of features that come in at every step.
        size: Number of units.
        forget_bias: Bias of the forget gate at the start; one keeps the memory open (Jozefowicz et al., 2015).
        weight_dropout: Probability with which single recurrent weights are dropped for a whole sequence.
        memory_span: Spread the gates' biases for memories of up to so many steps, instead of forget_bias.
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
        self.kernel = nn.LSTM(input_size, size, batch_first=True)
        self.weight_dropout = WeightDropout(weight_dropout)
        initialise(self.kernel, lstm_biases(size, forget_bias, memory_span))

    def initial_state(self, batch: int) -> LSTMState:
        return LSTMState(zeros(self, batch), zeros(self, batch))

    def forward(
        self, x: Tensor, state: LSTMState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, LSTMState]:
        if not x.shape[1]:
            return super().forward(x, state, lengths)
        before = self.initial_state(len(x)) if state is None else state
        start = (before.hidden[None], before.cell[None])
        if lengths is None and not self.weight_dropout.active:
            with fitting_kernel(x):
                y, (hidden, cell) = self.kernel(x, start)
            return y, LSTMState(hidden[0], cell[0])
        parameters = weights(self)
        if lengths is not None:  # nothing is written past the end of a row, and nothing forgotten
            x, parameters[0] = flag_padding(x, lengths, parameters[0], (-1.0, 1.0, 0.0, 0.0))
        with fitting_kernel(x):
            y, hidden, cell = torch.lstm(x, start, parameters, True, 1, 0.0, self.training, False, True)
        return y, LSTMState(hidden[0] if lengths is None else last(y, lengths, before.hidden), cell[0])

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        after = LSTMState(*torch.lstm_cell(x, state, *weights(self)))
        return after.hidden, after


class GRU(Recurrence[Tensor]):
    """Gated recurrent unit (Cho et al., 2014), in torch's form: h = (1 - z) n + z h, so z keeps.

    Args:
        input_size: Number of features that come in at every step.
        size: Number of units.
        keep_bias: Bias of the gate z at the start; above zero keeps the memory longer.
        weight_dropout: Probability with which single recurrent weights are dropped for a whole sequence.
        memory_span: Spread the gate's biases for memories of up to so many steps, instead of keep_bias.
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
        self.kernel = nn.GRU(input_size, size, batch_first=True)
        self.weight_dropout = WeightDropout(weight_dropout)
        initialise(self.kernel, gru_biases(size, keep_bias, memory_span))

    def initial_state(self, batch: int) -> Tensor:
        return zeros(self, batch)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, Tensor]:
        if not x.shape[1]:
            return super().forward(x, state, lengths)
        before = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        if self.weight_dropout.active:
            y, after = torch.gru(x, before[None], weights(self), True, 1, 0.0, self.training, False, True)
        else:
            y, after = self.kernel(x, before[None])
        return y, after[0] if lengths is None else last(y, lengths, before)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.gru_cell(x, state, *weights(self))
        return hidden, hidden


@contextmanager
def fitting_kernel(x: Tensor) -> Iterator[None]:
    """Let torch's LSTM take its own kernel where oneDNN's fails.

    That is under autocast to a type of which the processor has no products, as AVX2 alone has none of bfloat16; torch
    looks at the type that came in.
    """
    mkldnn = cast(Any, torch.backends.mkldnn)
    fits = not x.is_cpu or not torch.is_autocast_enabled("cpu") or has_fast_products(torch.get_autocast_dtype("cpu"))
    if fits:
        yield
        return
    before, mkldnn.enabled = mkldnn.enabled, False
    try:
        yield
    finally:
        mkldnn.enabled = before


def weights(layer: RNN | LSTM | GRU) -> list[Tensor]:
    """A layer's parameters in the order of torch's kernels, the recurrent ones after their dropout."""
    outer, recurrent, *biases = layer.kernel.all_weights[0]
    return [outer, layer.weight_dropout(recurrent), *biases]


def zeros(layer: RNN | LSTM | GRU, batch: int) -> Tensor:
    return layer.kernel.all_weights[0][0].new_zeros(batch, layer.size)


def lstm_biases(size: int, forget_bias: float, memory_span: int | None) -> Float[Tensor, " gates"]:
    """In torch's order: input, forget, cell, output."""
    zero = torch.zeros(size)
    if memory_span is None:
        return torch.cat([zero, zero + forget_bias, zero, zero])
    forget = chrono(size, memory_span)
    return torch.cat([-forget, forget, zero, zero])


def gru_biases(size: int, keep_bias: float, memory_span: int | None) -> Float[Tensor, " gates"]:
    """In torch's order: reset, keep, new."""
    zero = torch.zeros(size)
    return torch.cat([zero, zero + keep_bias if memory_span is None else chrono(size, memory_span), zero])


def initialise(
    kernel: nn.RNNBase, biases: Float[Tensor, " gates"], recurrent: Callable[[Tensor], Tensor] = nn.init.orthogonal_
) -> None:
    """Start a kernel's weights; torch adds two biases, so one carries the gates' biases alone and the other is zero."""
    outer, inner, bias, other_bias = kernel.all_weights[0]
    initialise_weights(outer, inner, recurrent)
    with torch.no_grad():
        bias.copy_(biases)
        other_bias.zero_()


def initialise_weights(
    outer: Float[Tensor, "gates input"],
    inner: Float[Tensor, "gates size"],
    recurrent: Callable[[Tensor], Tensor] = nn.init.orthogonal_,
) -> None:
    """Glorot's uniform for the input and orthogonal recurrent weights (Saxe et al., 2014), gate by gate."""
    size = inner.shape[1]
    with torch.no_grad():
        for gate in inner.split(size):
            recurrent(gate)
        for gate in outer.split(size):
            nn.init.xavier_uniform_(gate)


def flag_padding(
    x: Float[Tensor, "batch time input"], lengths: Int[Tensor, " batch"], weight: Tensor, gates: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Append an input that is 1 on padding and 0 elsewhere, and a weight by which it shuts (-1) or opens (1) each gate.

    It takes neither packing nor a second call. What else stands on padding becomes 0.
    """
    padding = padding_mask(x, lengths)[..., None]
    kind = x.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
    flag = min(FLAG, torch.finfo(dtype).max)  # an infinite one would be no number times 0
    column = weight.new_tensor(gates).mul_(flag).repeat_interleave(len(weight) // len(gates))
    return torch.cat([fill_padding(x, lengths, 0.0), padding.to(x)], dim=-1), torch.cat(
        [weight, column[:, None]], dim=1
    )


def last(
    y: Float[Tensor, "batch time size"], lengths: Int[Tensor, " batch"], before: Float[Tensor, "batch size"]
) -> Float[Tensor, "batch size"]:
    """The output at the end of each row, and what was there before it for a row of length zero."""
    lengths = lengths.to(y.device)
    at = (lengths - 1).clamp(min=0)[:, None, None].expand(-1, 1, y.shape[2])
    return torch.where((lengths > 0)[:, None], y.gather(1, at).squeeze(1), before.to(y.dtype))
