"""The recurrent block of Griffin (De et al., 2024): a real-gated linear recurrent unit behind a short convolution."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.linear import linear
from seq2seq.recurrence.convolution import ShortConvolution
from seq2seq.recurrence.heads import check_heads, split
from seq2seq.recurrence.interface import Recurrence
from seq2seq.recurrence.precision import exact, outside_autocast
from seq2seq.recurrence.scan import remember

SHARPNESS = 8.0  # c in the paper
LEAST, MOST = 0.9, 0.999  # radius of a unit at the start; it keeps radius^(8 r) of its past in a step


class RGLRUState(NamedTuple):
    convolution: Float[Tensor, "batch before size"]
    hidden: Float[Tensor, "batch size"]


class RGLRU(Recurrence[RGLRUState]):
    """out(gelu(W x) * h), h[t] = a[t] h[t-1] + sqrt(1 - a[t]^2) i[t] u[t], u = conv(V x).

    From De et al. (2024), section 2.4 and figure 2. The gates r and i read u by blocks, and
    log a[t] = -8 r[t] softplus(L), with L learned.

    Args:
        input_size: Number of features that come in at every step.
        size: Number of units, and of features that go out; a multiple of heads.
        heads: Number of blocks of the gates' weights.
        width: Number of steps that the convolution sees.
    """

    parallel = True

    def __init__(self, input_size: int, size: int, heads: int = 4, width: int = 4) -> None:
        super().__init__(input_size, size)
        share = check_heads(size, heads)
        self.heads = heads
        self.project = linear(input_size, 2 * size)
        self.convolution = ShortConvolution(size, width)
        self.gate_weight = nn.Parameter(torch.randn(2, heads, share, share) * share**-0.5)
        self.gate_bias = nn.Parameter(torch.zeros(2, size))
        radius = torch.empty(size).uniform_(LEAST**2, MOST**2).sqrt()
        self.fading = nn.Parameter((1 / radius - 1).log())  # L, so that softplus(L) = -log radius
        self.out = linear(size, size)

    def initial_state(self, batch: int) -> RGLRUState:
        return RGLRUState(self.convolution.initial_state(batch), self.fading.new_zeros(batch, self.size))

    def forward(
        self, x: Tensor, state: RGLRUState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, RGLRUState]:
        before = self.initial_state(len(x)) if state is None else state
        u, beside = self.project(x).chunk(2, dim=-1)
        u, convolution = self.convolution(u, before.convolution, lengths)
        keep, new = self.gates(u)
        h, hidden = remember(keep, new, before.hidden, lengths)
        return self.out(F.gelu(beside) * h), RGLRUState(convolution, hidden)

    def step(self, x: Tensor, state: RGLRUState) -> tuple[Tensor, RGLRUState]:
        u, beside = self.project(x).chunk(2, dim=-1)
        u, convolution = self.convolution.step(u, state.convolution)
        keep, new = self.gates(u)
        hidden = keep * state.hidden + new
        return self.out(F.gelu(beside) * hidden), RGLRUState(convolution, hidden)

    def gates(
        self, u: Float[Tensor, "*steps size"]
    ) -> tuple[Float[Tensor, "*steps size"], Float[Tensor, "*steps size"]]:
        """What is kept of the past, and what is added to it."""
        u = exact(u)
        with outside_autocast(u):
            asked = torch.einsum("...hi,ghij->g...hj", split(u, self.heads), self.gate_weight).flatten(-2)
            r, i = torch.sigmoid(asked + self.gate_bias.view(2, *[1] * (u.dim() - 1), -1))
        log_keep = -SHARPNESS * r * F.softplus(self.fading)
        # the slope of a square root has no bound at 0, where nothing is forgotten and nothing added
        room = (-torch.expm1(2 * log_keep)).clamp(min=1e-12).sqrt()
        return log_keep.exp(), room * i * u
