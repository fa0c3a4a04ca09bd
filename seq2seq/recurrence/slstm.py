"""The LSTM with an exponential input gate and a normaliser beside its cell (Beck et al., 2024, "xLSTM")."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.nn.heads import check_heads, head_layer_norm, split_heads
from seq2seq.nn.linear import linear
from seq2seq.nn.upcast import outside_autocast, upcast
from seq2seq.ranges import Count, checked
from seq2seq.recurrence.base import Recurrence, unroll
from seq2seq.recurrence.ops.padding import fill_padding

NOTHING = -1e30  # the logarithm of what was written so far: minus infinity, but with a gradient


class SLSTMState(NamedTuple):
    cell: Float[Tensor, "batch heads share"]
    normaliser: Float[Tensor, "batch heads share"]
    stabiliser: Float[Tensor, "batch heads share"]
    hidden: Float[Tensor, "batch heads share"]


class SLSTM(Recurrence[SLSTMState]):
    """norm(h), h = o c / n, c = f c + i z, n = f n + i, where i is an exponential (Beck et al., 2024, section 2.2).

    The forget gate f is a sigmoid. The gates read the past within a head only, through weights that start at zero. Cell
    and normaliser are held relative to exp(m), the largest weight of anything in them, so that nothing overflows.

    Args:
        input_size: Number of features that come in at every step.
        size: Number of units; a multiple of heads.
        heads: Number of blocks of the recurrent weights, each normalised by itself before it is said.
    """

    @checked
    def __init__(self, input_size: Count, size: Count, heads: Count = 4) -> None:
        super().__init__(input_size, size)
        self.heads = heads
        self.share = check_heads(size, heads, least=2)  # a norm leaves nothing of one
        self.outer = linear(input_size, 4 * size)  # each head's gates side by side: input, forget, cell, output
        self.inner = nn.Parameter(torch.zeros(heads, self.share, 4 * self.share))
        self.gain = nn.Parameter(torch.ones(size))
        with torch.no_grad():
            self.outer.bias.view(heads, 4, self.share)[:, 1] = powerlaw(self.share)

    def initial_state(self, batch: int) -> SLSTMState:
        zeros = self.inner.new_zeros(batch, self.heads, self.share)
        return SLSTMState(zeros, zeros, zeros + NOTHING, zeros)

    def forward(
        self, x: Tensor, state: SLSTMState | None = None, lengths: Int[Tensor, " batch"] | None = None
    ) -> tuple[Tensor, SLSTMState]:
        before = self.initial_state(len(x)) if state is None else state
        y, after = unroll(self.cell, self.heard(fill_padding(x, lengths, 0.0)), before, lengths)
        return self.said(y), after

    def step(self, x: Tensor, state: SLSTMState) -> tuple[Tensor, SLSTMState]:
        y, after = self.cell(self.heard(x), state)
        return self.said(y), after

    def heard(self, x: Float[Tensor, "*steps input"]) -> Float[Tensor, "*steps heads gates"]:
        """What the input says to the gates."""
        return split_heads(upcast(self.outer(x)), self.heads)

    def cell(self, heard: Float[Tensor, "batch heads gates"], state: SLSTMState) -> tuple[Tensor, SLSTMState]:
        with outside_autocast(heard):
            recurrent = torch.bmm(state.hidden.transpose(0, 1), self.inner).transpose(0, 1)
        i, f, z, o = (heard + recurrent).chunk(4, dim=-1)
        kept = F.logsigmoid(f) + state.stabiliser
        with torch.no_grad():  # it cancels in c / n, and so does its gradient
            stabiliser = torch.maximum(i, kept)
        write, keep = torch.exp(i - stabiliser), torch.exp(kept - stabiliser)
        cell = keep * state.cell + write * z.tanh()
        normaliser = keep * state.normaliser + write
        hidden = o.sigmoid() * cell / normaliser
        return hidden, SLSTMState(cell, normaliser, stabiliser, hidden)

    def said(self, y: Float[Tensor, "*steps heads share"]) -> Float[Tensor, "*steps size"]:
        return head_layer_norm(y) * self.gain


def powerlaw(units: int, depth: float = 0.5) -> Float[Tensor, " units"]:
    """Biases of the forget gate from 5 down to -7, for memories of many lengths.

    The authors bend the way down by how deep a layer lies, from 0 to 1. A layer does not know, so it lies half-way.
    """
    return 5 - 12 * torch.linspace(0, 1, units) ** (0.3 + 1.3 * depth)
