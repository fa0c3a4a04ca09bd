"""Mamba-2: a selective state space model with a matrix state per head (Dao and Gu, 2024, "Transformers are SSMs")."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.errors import UserError
from seq2seq.nn.heads import split_heads
from seq2seq.nn.mixed_precision import outside_autocast, upcast
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.ops.linear_attention import decay_from_log, scalar_decay, scalar_decay_step
from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.recurrence.recurrence import Recurrence
from seq2seq.recurrence.short_convolution import ShortConvolution

MIN_DT, MAX_DT = 0.001, 0.1  # initial step sizes
NORM_EPSILON = 1e-5
OUTPUT_SCALE = 2.0**-32  # of the norm's input, so that its squares do not overflow float32; the norm cancels it


class MambaState(NamedTuple):
    convolution: Float[Tensor, "batch previous xbc"]
    memory: Float[Tensor, "batch heads key value"]


class Mamba(Recurrence[MambaState]):
    """Mamba-2 block: out(norm(y * silu(z))), S[t] = exp(-dt A) S[t-1] + B[t] dt x[t], y[t] = C[t] S[t] + D x[t].

    From Dao and Gu (2024), section 7. x, B and C are outputs of a short convolution; A, D and the step size dt are
    scalars of each head.

    Args:
        input_size: Number of input features of a step.
        size: Number of output features.
        expand: Number of inner features for each output feature; expand times size must be a multiple of heads.
        heads: Number of heads, each with a state of its own.
        state_size: Number of rows of a head's state, N in the paper.
        width: Kernel size of the convolution, in steps.
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
        self.inner_size, self.heads, self.state_size = expand * size, heads, state_size
        if self.inner_size % heads:
            raise UserError(f"expand ({expand}) times size ({size}) must be a multiple of heads ({heads})")
        self.head_dim = self.inner_size // heads
        xbc_size = self.inner_size + 2 * state_size
        self.input_projection = nn.Linear(input_size, self.inner_size + xbc_size + heads, bias=False)
        self.convolution = ShortConvolution(xbc_size, width)
        dt = torch.empty(heads).uniform_(math.log(MIN_DT), math.log(MAX_DT)).exp()
        self.dt_bias = nn.Parameter(dt + torch.log(-torch.expm1(-dt)))  # softplus of it is dt
        self.log_a = nn.Parameter(torch.empty(heads).uniform_(1, 16).log())
        self.skip = nn.Parameter(torch.ones(heads))  # D in the paper
        self.norm = nn.RMSNorm(self.inner_size, eps=NORM_EPSILON * OUTPUT_SCALE**2)
        self.output_projection = nn.Linear(self.inner_size, size, bias=False)

    def initial_state(self, batch: int) -> MambaState:
        memory = self.skip.new_zeros(batch, self.heads, self.state_size, self.head_dim)
        return MambaState(self.convolution.initial_state(batch), memory)

    def forward(
        self, x: Tensor, state: MambaState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, MambaState]:
        state = self.initial_state(len(x)) if state is None else state
        x = fill_padding(x, lengths, 0.0)
        z, xbc, dt = self.project_input(x)
        xbc, convolution = self.convolution(xbc, state.convolution, lengths)
        values, k, q, log_decay, v = self.ssm_inputs(xbc, dt)
        k, log_decay = fill_padding(k, lengths, 0.0), fill_padding(log_decay, lengths, 0.0)
        with outside_autocast(x):
            y, memory = scalar_decay(q[:, None], k[:, None], v.transpose(1, 2), log_decay.transpose(1, 2), state.memory)
        return self.project_output(y.transpose(1, 2), values, z), MambaState(convolution, memory)

    def step(self, x: Tensor, state: MambaState) -> tuple[Tensor, MambaState]:
        z, xbc, dt = self.project_input(x)
        xbc, convolution = self.convolution.step(xbc, state.convolution)
        values, k, q, log_decay, v = self.ssm_inputs(xbc, dt)
        with outside_autocast(x):
            y, memory = scalar_decay_step(q[:, None], k[:, None], v, log_decay, state.memory)
        return self.project_output(y, values, z), MambaState(convolution, memory)

    def named_gates(self, x: Tensor, state: MambaState) -> dict[str, Tensor]:
        """Return the decay and the step size dt of each head, and the output gate of each inner feature."""
        z, _, dt = self.project_input(x)
        dt = self.step_sizes(dt)
        return {"decay": decay_from_log(self.log_decay(dt)), "step_size": dt, "output": F.silu(upcast(z))}

    def project_input(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the gate z, the convolution's input (x, B and C), and the step sizes before bias and softplus."""
        sizes = [self.inner_size, self.inner_size + 2 * self.state_size, self.heads]
        return self.input_projection(x).split(sizes, dim=-1)  # type: ignore[no-any-return]

    def ssm_inputs(self, xbc: Tensor, dt: Tensor) -> tuple[Tensor, ...]:
        """Return x by heads, B, C times OUTPUT_SCALE, the log decays, and dt x."""
        values, k, q = upcast(F.silu(xbc)).split([self.inner_size, self.state_size, self.state_size], dim=-1)
        dt = self.step_sizes(dt)
        values = split_heads(values, self.heads)
        return values, k, q * OUTPUT_SCALE, self.log_decay(dt), dt[..., None] * values

    def step_sizes(self, dt: Float[Tensor, "*steps heads"]) -> Float[Tensor, "*steps heads"]:
        return F.softplus(upcast(dt) + self.dt_bias)

    def log_decay(self, dt: Float[Tensor, "*steps heads"]) -> Float[Tensor, "*steps heads"]:
        return -dt * self.log_a.exp()

    def project_output(self, y: Tensor, values: Tensor, z: Tensor) -> Tensor:
        hidden = (y + (self.skip * OUTPUT_SCALE)[:, None] * values).flatten(-2)
        return self.output_projection(self.norm(hidden * F.silu(upcast(z))))  # type: ignore[no-any-return]
