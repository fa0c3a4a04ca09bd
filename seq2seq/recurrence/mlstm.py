"""The LSTM with a matrix as its cell, whose gates ignore the past (Beck et al., 2024, "xLSTM")."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.nn.heads import check_heads, head_layer_norm, split_heads
from seq2seq.nn.linear import linear
from seq2seq.nn.upcast import outside_autocast, upcast
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.base import Recurrence
from seq2seq.recurrence.ops.linear_attention import scalar_decay, scalar_decay_step
from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.recurrence.short_convolution import ShortConvolution

CAP = 15.0  # of the gates' pre-activations


class MLSTMState(NamedTuple):
    convolution: Float[Tensor, "batch before input"]
    memory: Float[Tensor, "batch heads key value"]


class MLSTM(Recurrence[MLSTMState]):
    """out(o * norm(C q / max(|n q|, 1))), C[t] = f C[t-1] + i v k, n[t] = f n[t-1] + i k, norm by heads, with a gain.

    From Beck et al. (2024), equations 19 to 27; a short convolution stands before q and k (figure 11). The input gate
    is an exponential. Its pre-activation is capped softly at 15, as in xLSTM 7B (Beck et al., 2025), so that float32
    holds it without the paper's running maximum; n is one more column of C.

    Args:
        input_size: Number of features that come in at every step.
        size: Number of features that go out; a multiple of heads.
        heads: Number of memories.
        width: Number of steps that the convolution sees.
    """

    parallel = True

    @checked
    def __init__(self, input_size: Count, size: Count, heads: Count = 4, width: Count = 4) -> None:
        super().__init__(input_size, size)
        self.heads = heads
        self.share = check_heads(size, heads, least=2)  # a norm leaves nothing of one
        self.convolution = ShortConvolution(input_size, width)
        self.asked = linear(input_size, 2 * size)  # queries and keys
        self.project = linear(input_size, 2 * size)  # values and the output gate
        self.gates = nn.Linear(input_size, 2 * heads)  # of input and of forgetting
        nn.init.zeros_(self.gates.weight)
        with torch.no_grad():
            write, forget = self.gates.bias.chunk(2)
            write.normal_(0.0, 0.1)
            forget.copy_(torch.linspace(3.0, 6.0, heads))
        self.gain = nn.Parameter(torch.ones(size))
        self.out = linear(size, size)

    def initial_state(self, batch: int) -> MLSTMState:
        memory = self.gates.weight.new_zeros(batch, self.heads, self.share, self.share + 1)
        return MLSTMState(self.convolution.initial_state(batch), memory)

    def forward(
        self, x: Tensor, state: MLSTMState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, MLSTMState]:
        before = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        near, convolution = self.convolution(x, before.convolution, lengths)
        q, k, v, log_decay, o = self.parts(x, near)
        k, log_decay = fill_padding(k, lengths, 0.0), fill_padding(log_decay, lengths, 0.0)
        with outside_autocast(x):
            q, k, v, log_decay = (part.transpose(1, 2) for part in (q, k, v, log_decay))
            y, memory = scalar_decay(q, k, v, log_decay, before.memory)
        return self.said(y.transpose(1, 2), o), MLSTMState(convolution, memory)

    def step(self, x: Tensor, state: MLSTMState) -> tuple[Tensor, MLSTMState]:
        near, convolution = self.convolution.step(x, state.convolution)
        q, k, v, log_decay, o = self.parts(x, near)
        with outside_autocast(x):
            y, memory = scalar_decay_step(q, k, v, log_decay, state.memory)
        return self.said(y, o), MLSTMState(convolution, memory)

    def parts(self, x: Float[Tensor, "*steps input"], near: Float[Tensor, "*steps input"]) -> tuple[Tensor, ...]:
        """Queries, keys with the input gate in them, values with a one behind, log decays, and the output gate."""
        q, k = (split_heads(part, self.heads) for part in upcast(self.asked(F.silu(near))).chunk(2, dim=-1))
        v, o = upcast(self.project(x)).chunk(2, dim=-1)
        v = split_heads(v, self.heads)
        write, forget = (CAP * torch.tanh(upcast(self.gates(x)) / CAP)).chunk(2, dim=-1)
        k = k * (self.share**-0.5 * write.exp())[..., None]
        return q, k, torch.cat([v, torch.ones_like(v[..., :1])], dim=-1), F.logsigmoid(forget), o

    def said(self, y: Float[Tensor, "*steps heads value"], o: Float[Tensor, "*steps size"]) -> Tensor:
        weighed = y[..., :-1] / y[..., -1:].abs().clamp(min=1.0)
        return self.out(torch.sigmoid(o) * head_layer_norm(weighed) * self.gain)  # type: ignore[no-any-return]
