"""Retention: linear attention with a fixed decay for each head (Sun et al., 2023, "Retentive Network")."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.nn.heads import check_heads, head_rms_norm, split_heads
from seq2seq.nn.linear import linear
from seq2seq.nn.mixed_precision import outside_autocast, upcast
from seq2seq.nn.rotary import apply_rotary
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.ops.linear_attention import scalar_decay, scalar_decay_step
from seq2seq.recurrence.ops.padding import fill_padding, padding_mask
from seq2seq.recurrence.recurrence import Recurrence


class RetentionState(NamedTuple):
    memory: Float[Tensor, "batch heads key value"]
    position: Int[Tensor, " batch"]  # of the next step, for the rotary embedding


class Retention(Recurrence[RetentionState]):
    """Multi-scale retention: out(silu(G x) * norm(y)), S[t] = gamma S[t-1] + k[t] v[t], y[t] = q[t] S[t].

    From Sun et al. (2023), equations 6 and 8. The decay of head h, counted from 0, is gamma = 1 - 2^(-5 - h), and
    queries and keys get rotary position embeddings.

    Args:
        input_size: Number of input features of a step.
        size: Number of output features; a multiple of heads.
        heads: Number of heads; 1 - gamma of each is half of the previous one's.
    """

    parallel = True
    log_decay: Tensor

    @checked
    def __init__(self, input_size: Count, size: Count, heads: Count = 4) -> None:
        super().__init__(input_size, size)
        self.heads = heads
        self.head_dim = check_heads(size, heads, min_head_dim=2)  # the rotary embedding needs a pair
        self.input_projection = nn.Linear(input_size, 4 * size, bias=False)
        for weight in self.input_projection.weight.data.split(size):  # queries, keys, values and the gate
            nn.init.xavier_uniform_(weight, gain=2**-2.5)
        self.output_projection = linear(size, size, bias=False)
        gamma = 1 - 2 ** (-5 - torch.arange(heads, dtype=torch.float64))
        self.register_buffer("log_decay", gamma.log().to(torch.get_default_dtype()), persistent=False)

    def initial_state(self, batch: int) -> RetentionState:
        memory = self.output_projection.weight.new_zeros(batch, self.heads, self.head_dim, self.head_dim)
        return RetentionState(memory, torch.zeros(batch, dtype=torch.long, device=memory.device))

    def forward(
        self, x: Tensor, state: RetentionState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, RetentionState]:
        state = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        time = torch.arange(x.shape[1], device=x.device)
        q, k, v, gate = self.qkv_and_gate(x, state.position[:, None] + time)
        log_decay = self.log_decay[:, None].expand(len(x), -1, x.shape[1])
        if lengths is not None:
            padding = padding_mask(x, lengths)[:, None]
            k, log_decay = k.masked_fill(padding[..., None], 0.0), log_decay.masked_fill(padding, 0.0)
        with outside_autocast(x):
            y, memory = scalar_decay(q, k, v, log_decay, state.memory)
        steps = x.shape[1] if lengths is None else lengths.to(x.device)
        return self.project_output(y.transpose(1, 2), gate), RetentionState(memory, state.position + steps)

    def step(self, x: Tensor, state: RetentionState) -> tuple[Tensor, RetentionState]:
        q, k, v, gate = (part.squeeze(2) for part in self.qkv_and_gate(x[:, None], state.position[:, None]))
        with outside_autocast(x):
            log_decay = self.log_decay.expand(len(x), -1)
            y, memory = scalar_decay_step(q, k, v, log_decay, state.memory)
        return self.project_output(y[:, None], gate[:, :, None])[:, 0], RetentionState(memory, state.position + 1)

    def named_gates(self, x: Tensor, state: RetentionState) -> dict[str, Tensor]:
        """Return the decay of each head, which is always the same, and the output gate of each feature."""
        *_, gate = self.qkv_and_gate(x[:, None], state.position[:, None])
        return {"decay": self.log_decay.exp().expand(len(x), -1), "output": F.silu(gate.flatten(1))}

    def qkv_and_gate(self, x: Tensor, positions: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys, values and the gate, [batch, heads, time, head_dim]."""
        projected = split_heads(upcast(self.input_projection(x)), 4 * self.heads).transpose(1, 2)
        qk, v, gate = projected.split([2 * self.heads, self.heads, self.heads], dim=1)
        q, k = apply_rotary(qk, positions, endpoint=True).chunk(2, dim=1)
        return q, k * self.head_dim**-0.5, v, gate

    def project_output(
        self, y: Float[Tensor, "batch time heads head_dim"], gate: Float[Tensor, "batch heads time head_dim"]
    ) -> Tensor:
        gated = F.silu(gate.transpose(1, 2).flatten(-2)) * head_rms_norm(y)
        return self.output_projection(gated)  # type: ignore[no-any-return]
