"""RWKV-6: linear attention with a data-dependent decay for each key feature (Peng et al., 2024, "Eagle and Finch")."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.nn.heads import check_heads, split_heads
from seq2seq.nn.linear import linear
from seq2seq.nn.mixed_precision import outside_autocast, upcast
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.ops.linear_attention import decay_from_log, vector_decay, vector_decay_step
from seq2seq.recurrence.ops.padding import fill_padding, last_step
from seq2seq.recurrence.recurrence import Recurrence

RELATIVE_DEPTH = 0.5  # of the layer in its stack, from 0 to 1, on which the authors' initialization depends
LOG_DECAY_BOUND = -(torch.e**-0.5)  # as in RWKV-7: float32 can represent the product of a chunk of these decays


class RWKVState(NamedTuple):
    previous_input: Float[Tensor, "batch input"]
    memory: Float[Tensor, "batch heads key value"]


class RWKV(Recurrence[RWKVState]):
    """RWKV-6: out(norm(y) * silu(g)), y = r (S + u k v), S = w S + k v (Peng et al., 2024, equations 16 to 20).

    r, k, v, g and w are projections of a mix of this input and the previous one, with data-dependent proportions (token
    shift). The logarithm of the decay w stays above -0.61, as in RWKV-7 (Peng et al., 2025), so that float32 suffices.

    Args:
        input_size: Number of input features of a step.
        size: Number of output features; a multiple of heads.
        heads: Number of heads, each with a memory of its own.
        rank: Rank of the low-rank projections that compute the mix and the decays.
    """

    parallel = True

    @checked
    def __init__(self, input_size: Count, size: Count, heads: Count = 4, rank: Count = 32) -> None:
        super().__init__(input_size, size)
        self.heads = heads
        self.head_dim = check_heads(size, heads, min_head_dim=2)  # LayerNorm of one feature is always 0
        position = torch.arange(input_size) / input_size  # of a feature, from 0 to 1
        full, half = position ** (1 - RELATIVE_DEPTH), position ** ((1 - RELATIVE_DEPTH) / 2)
        self.mix_x = nn.Parameter(1 - full)
        self.mix_rkvgw = nn.Parameter(1 - torch.stack([half, full, full + 0.3 * RELATIVE_DEPTH, half, full]))
        self.mix_down = nn.Parameter(torch.zeros(input_size, 5 * rank))
        self.mix_up = nn.Parameter(torch.empty(5, rank, input_size).uniform_(-0.01, 0.01))
        self.receptance, self.key, self.value, self.gate = (nn.Linear(input_size, size, bias=False) for _ in range(4))
        for layer, gain in ((self.receptance, 1.0), (self.key, 0.1), (self.value, 1.0), (self.gate, 0.1)):
            nn.init.orthogonal_(layer.weight, gain)
        position = torch.arange(size) / max(1, size - 1)
        self.decay = nn.Parameter(-5.5 + 6 * position ** (1 + RELATIVE_DEPTH**0.3))  # from hundreds of steps to a few
        self.decay_down = nn.Parameter(torch.zeros(input_size, rank))
        self.decay_up = nn.Parameter(torch.empty(rank, size).uniform_(-0.01, 0.01))
        zigzag = 0.1 * ((torch.arange(size) + 1) % 3 - 1)
        self.bonus = nn.Parameter((RELATIVE_DEPTH * (1 - position) + zigzag).view(heads, self.head_dim))
        self.norm = nn.GroupNorm(heads, size, eps=64e-5)
        nn.init.constant_(self.norm.weight, RELATIVE_DEPTH**0.7)
        self.output_projection = linear(size, size, bias=False)

    def initial_state(self, batch: int) -> RWKVState:
        memory = self.bonus.new_zeros(batch, self.heads, self.head_dim, self.head_dim)
        return RWKVState(self.bonus.new_zeros(batch, self.input_size), memory)

    def forward(
        self, x: Tensor, state: RWKVState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, RWKVState]:
        state = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        previous = torch.cat([state.previous_input[:, None].to(x.dtype), x], dim=1)[:, :-1]
        r, k, v, log_decay, g = self.rkv_decay_and_gate(x, previous)
        k, log_decay = fill_padding(k, lengths, 0.0), fill_padding(log_decay, lengths, 0.0)
        with outside_autocast(x):
            r, k, v, log_decay = (part.transpose(1, 2) for part in (r, k, v, log_decay))
            y, memory = vector_decay(r, k, v, log_decay, self.bonus, state.memory)
        last_input = last_step(state.previous_input, x, lengths)
        return self.project_output(y.transpose(1, 2), g), RWKVState(last_input, memory)

    def step(self, x: Tensor, state: RWKVState) -> tuple[Tensor, RWKVState]:
        r, k, v, log_decay, g = self.rkv_decay_and_gate(x, state.previous_input.to(x.dtype))
        with outside_autocast(x):
            y, memory = vector_decay_step(r, k, v, log_decay, self.bonus, state.memory)
        return self.project_output(y, g), RWKVState(x.to(state.previous_input.dtype), memory)

    def named_gates(self, x: Tensor, state: RWKVState) -> dict[str, Tensor]:
        """Return the decay of each key feature, and the output gate of each feature."""
        *_, log_decay, g = self.rkv_decay_and_gate(x, state.previous_input.to(x.dtype))
        return {"decay": decay_from_log(log_decay).flatten(1), "output": F.silu(upcast(g))}

    def rkv_decay_and_gate(
        self, x: Float[Tensor, "*steps input"], previous: Float[Tensor, "*steps input"]
    ) -> tuple[Tensor, ...]:
        """Return receptance (the query), key, value and log decay by heads, and the gate."""
        change = previous - x
        low_rank = torch.tanh((x + change * self.mix_x) @ self.mix_down).unflatten(-1, (5, -1))
        offsets = torch.einsum("...br,bri->b...i", low_rank, self.mix_up)
        r, k, v, g, w = (x + change * (mix + offset) for mix, offset in zip(self.mix_rkvgw, offsets, strict=True))
        decay = upcast(torch.tanh(w @ self.decay_down) @ self.decay_up)
        log_decay = LOG_DECAY_BOUND * torch.sigmoid(self.decay + decay)
        rkv = (upcast(part) for part in (self.receptance(r), self.key(k), self.value(v)))
        return *(split_heads(part, self.heads) for part in (*rkv, log_decay)), self.gate(g)

    def project_output(self, y: Float[Tensor, "*steps heads head_dim"], g: Float[Tensor, "*steps size"]) -> Tensor:
        normalized = self.norm(y.reshape(-1, self.size)).view(*y.shape[:-2], self.size)
        return self.output_projection(normalized * F.silu(upcast(g)))  # type: ignore[no-any-return]
