"""The recurrent block of Griffin (De et al., 2024): a real-gated linear recurrent unit behind a short convolution."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.nn.heads import check_heads, split_heads
from seq2seq.nn.linear import linear
from seq2seq.nn.upcast import outside_autocast, upcast
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.base import Recurrence
from seq2seq.recurrence.ops.padding import fill_padding
from seq2seq.recurrence.ops.scan import linear_recurrence
from seq2seq.recurrence.short_convolution import ShortConvolution

SHARPNESS = 8.0  # c in the paper
LEAST, MOST = 0.9, 0.999  # radius of a unit at the start; it keeps radius^(8 r) of its past in a step
CONVOLUTION_VARIANCE = 0.01  # variance of the sum of the convolution's weights of a unit at the start


class RGLRUState(NamedTuple):
    convolution: Float[Tensor, "batch before size"]
    hidden: Float[Tensor, "batch size"]
    started: Bool[Tensor, " batch"]  # whether a row has read a step


class RGLRU(Recurrence[RGLRUState]):
    """out(gelu(W x) * h), h[t] = a[t] h[t-1] + sqrt(1 - a[t]^2) i[t] u[t], u = conv(V x).

    From De et al. (2024), section 2.4 and figure 2. The gates r and i read u by blocks, and
    log a[t] = -8 r[t] softplus(L), with L learned. The first step of a row is h = i u, without the square root, as in
    the authors' code.

    Args:
        input_size: Number of features that come in at every step.
        size: Number of units, and of features that go out; a multiple of heads.
        heads: Number of blocks of the gates' weights.
        width: Number of steps that the convolution sees.
    """

    parallel = True

    @checked
    def __init__(self, input_size: Count, size: Count, heads: Count = 4, width: Count = 4) -> None:
        super().__init__(input_size, size)
        share = check_heads(size, heads)
        self.heads = heads
        self.project = linear(input_size, 2 * size)
        self.convolution = ShortConvolution(size, width)
        nn.init.normal_(self.convolution.weight, std=(CONVOLUTION_VARIANCE / width) ** 0.5)
        nn.init.zeros_(self.convolution.bias)
        self.gate_weight = nn.Parameter(torch.randn(2, heads, share, share) * share**-0.5)
        self.gate_bias = nn.Parameter(torch.zeros(2, size))
        radius = torch.empty(size).uniform_(LEAST**2, MOST**2).sqrt()
        self.fading = nn.Parameter((1 / radius - 1).log())  # L, so that softplus(L) = -log radius
        self.out = linear(size, size)

    def initial_state(self, batch: int) -> RGLRUState:
        hidden = self.fading.new_zeros(batch, self.size)
        return RGLRUState(
            self.convolution.initial_state(batch), hidden, torch.zeros_like(hidden[:, 0], dtype=torch.bool)
        )

    def forward(
        self, x: Tensor, state: RGLRUState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, RGLRUState]:
        before = self.initial_state(len(x)) if state is None else state
        u, beside = self.project(fill_padding(x, lengths, 0.0)).chunk(2, dim=-1)
        u, convolution = self.convolution(u, before.convolution, lengths)
        h, hidden = linear_recurrence(*self.gates(u, before.started), before.hidden, lengths)
        read = x.shape[1] > 0 if lengths is None else lengths.to(x.device) > 0
        return self.join(beside, h), RGLRUState(convolution, hidden, before.started | read)

    def step(self, x: Tensor, state: RGLRUState) -> tuple[Tensor, RGLRUState]:
        u, beside = self.project(x).chunk(2, dim=-1)
        u, convolution = self.convolution.step(u, state.convolution)
        keep, new = self.gates(u[:, None], state.started)
        hidden = keep[:, 0] * state.hidden + new[:, 0]
        return self.join(beside, hidden), RGLRUState(convolution, hidden, torch.ones_like(state.started))

    def gates(
        self, u: Float[Tensor, "batch time size"], started: Bool[Tensor, " batch"]
    ) -> tuple[Float[Tensor, "batch time size"], Float[Tensor, "batch time size"]]:
        """What is kept of the past, and what is added to it, of which the first step of a row is not scaled."""
        u = upcast(u)
        with outside_autocast(u):
            asked = torch.einsum("...hi,ghij->g...hj", split_heads(u, self.heads), self.gate_weight).flatten(-2)
            r, i = torch.sigmoid(asked + self.gate_bias[:, None, None])
        log_keep = -SHARPNESS * r * F.softplus(self.fading)
        # the slope of a square root has no bound at 0, where nothing is forgotten and nothing added
        room = (-torch.expm1(2 * log_keep)).clamp(min=1e-12)
        room[:, :1].masked_fill_(~started[:, None, None], 1.0)
        return log_keep.exp(), room.sqrt() * i * u

    def join(
        self, beside: Float[Tensor, "*steps size"], h: Float[Tensor, "*steps size"]
    ) -> Float[Tensor, "*steps size"]:
        return self.out(F.gelu(beside) * h)  # type: ignore[no-any-return]
