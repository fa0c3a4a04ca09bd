"""mLSTM: an LSTM with a matrix as its cell state and gates that ignore the past (Beck et al., 2024, "xLSTM")."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.nn.heads import check_heads, head_layer_norm, split_heads
from seq2seq.nn.linear import linear
from seq2seq.nn.mixed_precision import outside_autocast, upcast
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.ops.linear_attention import scalar_decay, scalar_decay_step
from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.recurrence.recurrence import Recurrence
from seq2seq.recurrence.short_convolution import ShortConvolution

GATE_CAP = 15.0  # soft cap of the gates' pre-activations


class MLSTMState(NamedTuple):
    convolution: Float[Tensor, "batch previous input"]
    memory: Float[Tensor, "batch heads key value"]


class MLSTM(Recurrence[MLSTMState]):
    """mLSTM: out(o * norm(C q / max(|n q|, 1))), C[t] = f C[t-1] + i v k, n[t] = f n[t-1] + i k.

    From Beck et al. (2024), equations 19 to 27, with LayerNorm for each head; q and k are projections of a short
    convolution of x (figure 11). The input gate is an exponential. Its pre-activation has a soft cap of 15, as in xLSTM
    7B (Beck et al., 2025), so that float32 does not overflow without the paper's running maximum; n is one more column
    of C.

    Args:
        input_size: Number of input features of a step.
        size: Number of output features; a multiple of heads.
        heads: Number of heads, each with a memory of its own.
        width: Kernel size of the convolution, in steps.
    """

    parallel = True

    @checked
    def __init__(self, input_size: Count, size: Count, heads: Count = 4, width: Count = 4) -> None:
        super().__init__(input_size, size)
        self.heads = heads
        self.head_dim = check_heads(size, heads, min_head_dim=2)  # LayerNorm of one feature is always 0
        self.convolution = ShortConvolution(input_size, width)
        self.query_key_projection = linear(input_size, 2 * size)
        self.input_projection = linear(input_size, 2 * size)  # values and the output gate
        self.gates = nn.Linear(input_size, 2 * heads)  # input gate and forget gate
        nn.init.zeros_(self.gates.weight)
        with torch.no_grad():
            input_bias, forget_bias = self.gates.bias.chunk(2)
            input_bias.normal_(0.0, 0.1)
            forget_bias.copy_(torch.linspace(3.0, 6.0, heads))
        self.gain = nn.Parameter(torch.ones(size))
        self.output_projection = linear(size, size)

    def initial_state(self, batch: int) -> MLSTMState:
        memory = self.gates.weight.new_zeros(batch, self.heads, self.head_dim, self.head_dim + 1)
        return MLSTMState(self.convolution.initial_state(batch), memory)

    def forward(
        self, x: Tensor, state: MLSTMState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, MLSTMState]:
        state = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        convolved, convolution = self.convolution(x, state.convolution, lengths)
        q, k, v, log_decay, o = self.qkv_and_gates(x, convolved)
        k, log_decay = fill_padding(k, lengths, 0.0), fill_padding(log_decay, lengths, 0.0)
        with outside_autocast(x):
            q, k, v, log_decay = (part.transpose(1, 2) for part in (q, k, v, log_decay))
            y, memory = scalar_decay(q, k, v, log_decay, state.memory)
        return self.project_output(y.transpose(1, 2), o), MLSTMState(convolution, memory)

    def step(self, x: Tensor, state: MLSTMState) -> tuple[Tensor, MLSTMState]:
        convolved, convolution = self.convolution.step(x, state.convolution)
        q, k, v, log_decay, o = self.qkv_and_gates(x, convolved)
        with outside_autocast(x):
            y, memory = scalar_decay_step(q, k, v, log_decay, state.memory)
        return self.project_output(y, o), MLSTMState(convolution, memory)

    def qkv_and_gates(
        self, x: Float[Tensor, "*steps input"], convolved: Float[Tensor, "*steps input"]
    ) -> tuple[Tensor, ...]:
        """Return queries, keys times the input gate, values with a 1 appended, log decays, and the output gate."""
        qk = upcast(self.query_key_projection(F.silu(convolved)))
        q, k = (split_heads(part, self.heads) for part in qk.chunk(2, dim=-1))
        v, o = upcast(self.input_projection(x)).chunk(2, dim=-1)
        v = split_heads(v, self.heads)
        i, f = self.gate_pre_activations(x)
        k = k * (self.head_dim**-0.5 * i.exp())[..., None]
        return q, k, torch.cat([v, torch.ones_like(v[..., :1])], dim=-1), F.logsigmoid(f), o

    def gate_pre_activations(self, x: Float[Tensor, "*steps input"]) -> tuple[Tensor, Tensor]:
        """Return those of the input gate and the forget gate, [*steps, heads], after the soft cap."""
        i, f = (GATE_CAP * torch.tanh(upcast(self.gates(x)) / GATE_CAP)).chunk(2, dim=-1)
        return i, f

    def named_gates(self, x: Tensor, state: MLSTMState) -> dict[str, Tensor]:
        """Return the input gate and the forget gate of each head, and the output gate of each feature."""
        i, f = self.gate_pre_activations(x)
        _, o = upcast(self.input_projection(x)).chunk(2, dim=-1)
        return {"input": i.exp(), "forget": f.sigmoid(), "output": o.sigmoid()}

    def project_output(self, y: Float[Tensor, "*steps heads value"], o: Float[Tensor, "*steps size"]) -> Tensor:
        hidden = y[..., :-1] / y[..., -1:].abs().clamp(min=1.0)
        return self.output_projection(torch.sigmoid(o) * head_layer_norm(hidden) * self.gain)  # type: ignore[no-any-return]
