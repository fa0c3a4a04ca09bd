"""The gates of LSTM (Hochreiter and Schmidhuber, 1997) and GRU (Cho et al., 2014), and the states that follow."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class LSTMGates(NamedTuple):
    """The values of an LSTM's gates; `cell` is the candidate for the cell state."""

    input: Float[Tensor, "*batch units"]
    forget: Float[Tensor, "*batch units"]
    cell: Float[Tensor, "*batch units"]
    output: Float[Tensor, "*batch units"]

    def next_cell(self, cell: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        """Return the next cell state."""
        return self.forget * cell + self.input * self.cell


class GRUGates(NamedTuple):
    """The values of a GRU's gates and its candidate, in torch's form: an update gate of 1 keeps the old state."""

    reset: Float[Tensor, "*batch units"]
    update: Float[Tensor, "*batch units"]
    candidate: Float[Tensor, "*batch units"]

    def next_hidden(self, hidden: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        """Return the next hidden state."""
        return self.candidate + self.update * (hidden - self.candidate)


class GRUProjection(NamedTuple):
    """The part of an input or of a hidden state in the pre-activations of a GRU."""

    gates: Float[Tensor, "*steps gates"]  # reset, update
    candidate: Float[Tensor, "*steps size"]


def lstm_gates(pre_activations: Float[Tensor, "batch gates"]) -> LSTMGates:
    """Return the gates of pre-activations in torch's order: input, forget, cell, output."""
    i, f, g, o = pre_activations.chunk(4, dim=-1)
    return LSTMGates(i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid())


def gru_gates(x: GRUProjection, hidden: GRUProjection) -> GRUGates:
    """Return the gates of the input's and the hidden state's parts of the pre-activations."""
    reset, update = (x.gates + hidden.gates).sigmoid().chunk(2, dim=-1)
    return GRUGates(reset, update, torch.tanh(x.candidate + reset * hidden.candidate))


def split_gru(pre_activations: Float[Tensor, "*steps all"]) -> GRUProjection:
    """Split pre-activations in torch's order: reset, update, candidate."""
    return GRUProjection(*pre_activations.tensor_split([pre_activations.shape[-1] // 3 * 2], dim=-1))
