"""RWKV-6: linear attention whose decay depends on the text, feature by feature (Peng et al., 2024)."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.nn.heads import check_heads, split_heads
from seq2seq.nn.linear import linear
from seq2seq.nn.upcast import outside_autocast, upcast
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.base import Recurrence
from seq2seq.recurrence.ops.linear_attention import vector_decay, vector_decay_step
from seq2seq.recurrence.ops.padding import fill_padding, last_steps

DEPTH = 0.5  # how deep the layer lies, from 0 to 1, by which the authors bend its start: half-way, as it cannot know
FASTEST = -(torch.e**-0.5)  # of a log decay, as in RWKV-7: float32 holds what a chunk of these leaves


class RWKVState(NamedTuple):
    before: Float[Tensor, "batch input"]  # the last input
    memory: Float[Tensor, "batch heads key value"]


class RWKV(Recurrence[RWKVState]):
    """out(norm(y) * silu(g)), y = r (S + u k v), S = w S + k v (Peng et al., 2024, equations 16 to 20).

    r, k, v, g and w each read a mixture of this input and the last one, which depends on both. The logarithm of the
    decay w stays above -0.61, as in RWKV-7 (Peng et al., 2025), where float32 needs no further care.

    Args:
        input_size: Number of features that come in at every step.
        size: Number of features that go out; a multiple of heads.
        heads: Number of memories.
        rank: Rank of what decides the mixtures and of what decides the decays.
    """

    parallel = True

    @checked
    def __init__(self, input_size: Count, size: Count, heads: Count = 4, rank: Count = 32) -> None:
        super().__init__(input_size, size)
        self.heads = heads
        self.share = check_heads(size, heads, least=2)  # a norm leaves nothing of one
        place = torch.arange(input_size) / input_size
        whole, half = place ** (1 - DEPTH), place ** ((1 - DEPTH) / 2)
        self.shift = nn.Parameter(1 - whole)
        self.mixture = nn.Parameter(1 - torch.stack([half, whole, whole + 0.3 * DEPTH, half, whole]))  # r, k, v, g, w
        self.mixture_down = nn.Parameter(torch.zeros(input_size, 5 * rank))
        self.mixture_up = nn.Parameter(torch.empty(5, rank, input_size).uniform_(-0.01, 0.01))
        self.receptance, self.key, self.value, self.gate = (nn.Linear(input_size, size, bias=False) for _ in range(4))
        for part, gain in ((self.receptance, 1.0), (self.key, 0.1), (self.value, 1.0), (self.gate, 0.1)):
            nn.init.orthogonal_(part.weight, gain)
        place = torch.arange(size) / max(1, size - 1)
        self.decay = nn.Parameter(-5.5 + 6 * place ** (1 + DEPTH**0.3))  # from hundreds of steps to a few
        self.decay_down = nn.Parameter(torch.zeros(input_size, rank))
        self.decay_up = nn.Parameter(torch.empty(rank, size).uniform_(-0.01, 0.01))
        zigzag = 0.1 * ((torch.arange(size) + 1) % 3 - 1)
        self.bonus = nn.Parameter((DEPTH * (1 - place) + zigzag).view(heads, self.share))
        self.norm = nn.GroupNorm(heads, size, eps=64e-5)
        nn.init.constant_(self.norm.weight, DEPTH**0.7)
        self.out = linear(size, size, bias=False)

    def initial_state(self, batch: int) -> RWKVState:
        memory = self.bonus.new_zeros(batch, self.heads, self.share, self.share)
        return RWKVState(self.bonus.new_zeros(batch, self.input_size), memory)

    def forward(
        self, x: Tensor, state: RWKVState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, RWKVState]:
        before = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        shifted = torch.cat([before.before[:, None].to(x.dtype), x], dim=1)[:, :-1]
        r, k, v, log_decay, g = self.parts(x, shifted)
        k, log_decay = fill_padding(k, lengths, 0.0), fill_padding(log_decay, lengths, 0.0)
        with outside_autocast(x):
            r, k, v, log_decay = (part.transpose(1, 2) for part in (r, k, v, log_decay))
            y, memory = vector_decay(r, k, v, log_decay, self.bonus, before.memory)
        last = last_steps(before.before[:, None], x, lengths)[:, 0]
        return self.said(y.transpose(1, 2), g), RWKVState(last, memory)

    def step(self, x: Tensor, state: RWKVState) -> tuple[Tensor, RWKVState]:
        r, k, v, log_decay, g = self.parts(x, state.before.to(x.dtype))
        with outside_autocast(x):
            y, memory = vector_decay_step(r, k, v, log_decay, self.bonus, state.memory)
        return self.said(y, g), RWKVState(x.to(state.before.dtype), memory)

    def parts(self, x: Float[Tensor, "*steps input"], before: Float[Tensor, "*steps input"]) -> tuple[Tensor, ...]:
        """Receptance (what asks), key, value and log decay by heads, and the gate."""
        change = before - x
        low = torch.tanh((x + change * self.shift) @ self.mixture_down).unflatten(-1, (5, -1))
        shares = torch.einsum("...br,bri->b...i", low, self.mixture_up)
        r, k, v, g, w = (x + change * (mu + more) for mu, more in zip(self.mixture, shares, strict=True))
        decay = upcast(torch.tanh(w @ self.decay_down) @ self.decay_up)
        log_decay = FASTEST * torch.sigmoid(self.decay + decay)
        read = (upcast(part) for part in (self.receptance(r), self.key(k), self.value(v)))
        return *(split_heads(part, self.heads) for part in (*read, log_decay)), self.gate(g)

    def said(self, y: Float[Tensor, "*steps heads share"], g: Float[Tensor, "*steps size"]) -> Tensor:
        normal = self.norm(y.reshape(-1, self.size)).view(*y.shape[:-2], self.size)
        return self.out(normal * F.silu(upcast(g)))  # type: ignore[no-any-return]
