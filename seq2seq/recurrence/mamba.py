"""Mamba-2: a selective state space model whose state is a matrix a head (Dao and Gu, 2024, "Transformers are SSMs")."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.errors import UserError
from seq2seq.nn.heads import split_heads
from seq2seq.nn.upcast import outside_autocast, upcast
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.base import Recurrence
from seq2seq.recurrence.ops.linear_attention import scalar_decay, scalar_decay_step
from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.recurrence.short_convolution import ShortConvolution

SLOWEST, FASTEST = 0.001, 0.1  # step sizes at the start
EPSILON = 1e-5  # of the norm
SHRINK = 2.0**-32  # of what the norm reads, which undoes it, so that its squares stay within float32


class MambaState(NamedTuple):
    convolution: Float[Tensor, "batch before mixed"]
    memory: Float[Tensor, "batch heads key value"]


class Mamba(Recurrence[MambaState]):
    """out(norm(y * silu(z))), S[t] = exp(-dt A) S[t-1] + B[t] dt x[t], y[t] = C[t] S[t] + D x[t].

    From Dao and Gu (2024), section 7. x, B and C come from a short convolution; A, D and the step size dt are one
    number a head.

    Args:
        input_size: Number of features that come in at every step.
        size: Number of features that go out.
        expand: Inner features for each that goes out; expand times size must be a multiple of heads.
        heads: Number of memories.
        state_size: Number of rows of a head's memory, N in the paper.
        width: Number of steps that the convolution sees.
    """

    parallel = True

    @checked
    def __init__(
        self,
        input_size: Count,
        size: Count,
        expand: Count = 2,
        heads: Count = 8,
        state_size: Count = 64,
        width: Count = 4,
    ) -> None:
        super().__init__(input_size, size)
        self.inner, self.heads, self.state_size = expand * size, heads, state_size
        if self.inner % heads:
            raise UserError(f"expand ({expand}) times size ({size}) must be a multiple of heads ({heads})")
        self.share = self.inner // heads
        mixed = self.inner + 2 * state_size
        self.project = nn.Linear(input_size, self.inner + mixed + heads, bias=False)
        self.convolution = ShortConvolution(mixed, width)
        start = torch.empty(heads).uniform_(math.log(SLOWEST), math.log(FASTEST)).exp()
        self.step_bias = nn.Parameter(start + torch.log(-torch.expm1(-start)))  # softplus of it is `start`
        self.log_rate = nn.Parameter(torch.empty(heads).uniform_(1, 16).log())
        self.skip = nn.Parameter(torch.ones(heads))
        self.norm = nn.RMSNorm(self.inner, eps=EPSILON * SHRINK**2)
        self.out = nn.Linear(self.inner, size, bias=False)

    def initial_state(self, batch: int) -> MambaState:
        memory = self.skip.new_zeros(batch, self.heads, self.state_size, self.share)
        return MambaState(self.convolution.initial_state(batch), memory)

    def forward(
        self, x: Tensor, state: MambaState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, MambaState]:
        before = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        z, mixed, steps = self.parts(x)
        mixed, convolution = self.convolution(mixed, before.convolution, lengths)
        values, k, q, log_decay, v = self.selected(mixed, steps)
        k, log_decay = fill_padding(k, lengths, 0.0), fill_padding(log_decay, lengths, 0.0)
        with outside_autocast(x):
            y, memory = scalar_decay(
                q[:, None], k[:, None], v.transpose(1, 2), log_decay.transpose(1, 2), before.memory
            )
        return self.said(y.transpose(1, 2), values, z), MambaState(convolution, memory)

    def step(self, x: Tensor, state: MambaState) -> tuple[Tensor, MambaState]:
        z, mixed, steps = self.parts(x)
        mixed, convolution = self.convolution.step(mixed, state.convolution)
        values, k, q, log_decay, v = self.selected(mixed, steps)
        with outside_autocast(x):
            y, memory = scalar_decay_step(q[:, None], k[:, None], v, log_decay, state.memory)
        return self.said(y, values, z), MambaState(convolution, memory)

    def parts(self, x: Tensor) -> tuple[Tensor, ...]:
        """The gate z, what is convolved, and the step sizes before their bias."""
        sizes = [self.inner, self.inner + 2 * self.state_size, self.heads]
        return self.project(x).split(sizes, dim=-1)  # type: ignore[no-any-return]

    def selected(self, mixed: Tensor, steps: Tensor) -> tuple[Tensor, ...]:
        """x by heads, B, C made small, the logarithms of the decays, and dt x."""
        inner, k, q = upcast(F.silu(mixed)).split([self.inner, self.state_size, self.state_size], dim=-1)
        dt = F.softplus(upcast(steps) + self.step_bias)
        values = split_heads(inner, self.heads)
        return values, k, q * SHRINK, -dt * self.log_rate.exp(), dt[..., None] * values

    def said(self, y: Tensor, values: Tensor, z: Tensor) -> Tensor:
        inner = (y + (self.skip * SHRINK)[:, None] * values).flatten(-2)
        return self.out(self.norm(inner * F.silu(upcast(z))))  # type: ignore[no-any-return]
