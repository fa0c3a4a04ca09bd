"""RG-LRU, the recurrent block of Griffin (De et al., 2024): a gated linear recurrence after a short convolution."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.nn.heads import check_heads, split_heads
from seq2seq.nn.linear import linear
from seq2seq.nn.mixed_precision import outside_autocast, upcast
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.recurrence.ops.scan import linear_recurrence
from seq2seq.recurrence.recurrence import Recurrence
from seq2seq.recurrence.short_convolution import ShortConvolution

DECAY_EXPONENT = 8.0  # c in the paper
MIN_RADIUS, MAX_RADIUS = 0.9, 0.999  # initial radius of a unit, whose decay in a step is radius^(8 r)
CONVOLUTION_VARIANCE = 0.01  # initial variance of the sum of a unit's convolution weights


class RGLRUState(NamedTuple):
    convolution: Float[Tensor, "batch previous size"]
    hidden: Float[Tensor, "batch size"]
    started: Bool[Tensor, " batch"]  # whether a row had a step already


class RGLRU(Recurrence[RGLRUState]):
    """Griffin's block: out(gelu(W x) * h), h[t] = a[t] h[t-1] + sqrt(1 - a[t]^2) i[t] u[t], u = conv(V x).

    From De et al. (2024), section 2.4 and figure 2. The gates r and i are block-diagonal projections of u, and
    log a[t] = -8 r[t] softplus(L), with L learned. The first step of a row is h = i u, without the square root, as in
    the authors' code.

    Args:
        input_size: Number of input features of a step.
        size: Number of units and of output features; a multiple of heads.
        heads: Number of blocks of the gates' weights.
        width: Kernel size of the convolution, in steps.
    """

    parallel = True

    @checked
    def __init__(self, input_size: Count, size: Count, heads: Count = 4, width: Count = 4) -> None:
        super().__init__(input_size, size)
        head_dim = check_heads(size, heads)
        self.heads = heads
        self.input_projection = linear(input_size, 2 * size)
        self.convolution = ShortConvolution(size, width)
        nn.init.normal_(self.convolution.weight, std=(CONVOLUTION_VARIANCE / width) ** 0.5)
        nn.init.zeros_(self.convolution.bias)
        self.gate_weight = nn.Parameter(torch.randn(2, heads, head_dim, head_dim) * head_dim**-0.5)
        self.gate_bias = nn.Parameter(torch.zeros(2, size))
        radius = torch.empty(size).uniform_(MIN_RADIUS**2, MAX_RADIUS**2).sqrt()
        self.decay = nn.Parameter((1 / radius - 1).log())  # L, so that softplus(L) = -log radius
        self.output_projection = linear(size, size)

    def initial_state(self, batch: int) -> RGLRUState:
        hidden = self.decay.new_zeros(batch, self.size)
        return RGLRUState(
            self.convolution.initial_state(batch), hidden, torch.zeros_like(hidden[:, 0], dtype=torch.bool)
        )

    def forward(
        self, x: Tensor, state: RGLRUState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, RGLRUState]:
        state = self.initial_state(len(x)) if state is None else state
        u, gate = self.input_projection(fill_padding(x, lengths, 0.0)).chunk(2, dim=-1)
        u, convolution = self.convolution(u, state.convolution, lengths)
        h, hidden = linear_recurrence(*self.decay_and_update(u, state.started), state.hidden, lengths)
        nonempty = x.shape[1] > 0 if lengths is None else lengths.to(x.device) > 0
        return self.project_output(gate, h), RGLRUState(convolution, hidden, state.started | nonempty)

    def step(self, x: Tensor, state: RGLRUState) -> tuple[Tensor, RGLRUState]:
        u, gate = self.input_projection(x).chunk(2, dim=-1)
        u, convolution = self.convolution.step(u, state.convolution)
        decay, update = self.decay_and_update(u[:, None], state.started)
        hidden = decay[:, 0] * state.hidden + update[:, 0]
        return self.project_output(gate, hidden), RGLRUState(convolution, hidden, torch.ones_like(state.started))

    def decay_and_update(
        self, u: Float[Tensor, "batch time size"], started: Bool[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch time size"], Float[Tensor, "batch time size"]]:
        """Return the factor of the previous hidden state, and the value that is added to it."""
        u = upcast(u)
        _, i, log_decay = self.compute_gates(u)
        # the gradient of sqrt is unbounded at 0, where the decay is 1
        squared_scale = (-torch.expm1(2 * log_decay)).clamp(min=1e-12)
        squared_scale[:, :1].masked_fill_(~started[:, None, None], 1.0)  # the first step of a row is not scaled
        return log_decay.exp(), squared_scale.sqrt() * i * u

    def compute_gates(self, u: Float[Tensor, "batch time size"]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the recurrence gate r, the input gate i, and the logarithm of the decay."""
        with outside_autocast(u):
            logits = torch.einsum("...hi,ghij->g...hj", split_heads(u, self.heads), self.gate_weight).flatten(-2)
            r, i = torch.sigmoid(logits + self.gate_bias[:, None, None])
        return r, i, -DECAY_EXPONENT * r * F.softplus(self.decay)

    def named_gates(self, x: Tensor, state: RGLRUState) -> dict[str, Tensor]:
        u, gate = self.input_projection(x).chunk(2, dim=-1)
        u, _ = self.convolution.step(u, state.convolution)
        r, i, log_decay = (part[:, 0] for part in self.compute_gates(upcast(u[:, None])))
        return {"recurrence": r, "input": i, "decay": log_decay.exp(), "output": F.gelu(upcast(gate))}

    def project_output(
        self, gate: Float[Tensor, "*steps size"], h: Float[Tensor, "*steps size"]
    ) -> Float[Tensor, "*steps size"]:
        return self.output_projection(F.gelu(gate) * h)  # type: ignore[no-any-return]
