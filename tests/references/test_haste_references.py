"""LSTM, GRU and their normalised forms against haste, whose gates stand in another order."""

from typing import Any

import pytest
import torch
from agreement import Compare
from comparing import SIZES, Reference, Weights, compare_layer, perturbed
from haste_pytorch import GRU as HasteGRU  # noqa: N811
from haste_pytorch import LSTM as HasteLSTM  # noqa: N811
from haste_pytorch import LayerNormGRU as HasteLayerNormGRU
from haste_pytorch import LayerNormLSTM as HasteLayerNormLSTM
from torch import Tensor

from seq2seq.recurrence import GRU, LSTM, LayerNormGRU, LayerNormLSTM, LSTMState

PACKAGE = "haste-pytorch-cpu"
LSTM_ORDER = [0, 2, 1, 3]  # ours is input, forget, cell, output; theirs input, cell, forget, output
GRU_ORDER = [1, 0, 2]  # ours is reset, keep, new; theirs keep, reset, new

pytestmark = pytest.mark.usefixtures("double")


def reordered(gates: Tensor, order: list[int]) -> Tensor:
    parts = gates.chunk(len(order))
    return torch.cat([parts[number] for number in order])


def forms(module: Any) -> dict[str, Any]:
    """How haste is called for a whole sequence, for one step, and what its states are."""

    def whole(x: Tensor) -> Tensor:
        return module(x)[0]  # type: ignore[no-any-return]

    def states(ours: Tensor | LSTMState, theirs: Any) -> list[tuple[Tensor, Tensor]]:
        if isinstance(ours, LSTMState):
            return [(ours.hidden, theirs[0][0]), (ours.cell, theirs[1][0])]
        return [(ours, theirs[0])]

    return {"whole": whole, "step": module, "states": states}


@SIZES
def test_lstm(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = LSTM(size - heads, size)
    perturbed(layer)
    outer, inner, bias, other_bias = layer.kernel.all_weights[0]
    module = HasteLSTM(size - heads, size, batch_first=True)

    def weights() -> Weights:
        return {
            "kernel": reordered(outer, LSTM_ORDER).T,
            "recurrent_kernel": reordered(inner, LSTM_ORDER).T,
            "bias": reordered(bias + other_bias, LSTM_ORDER),
        }

    compare_layer(layer, Reference(module, weights, **forms(module)), compare("LSTM", PACKAGE), time)


@SIZES
def test_gru(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = GRU(size - heads, size)
    perturbed(layer)
    outer, inner, bias, other_bias = layer.kernel.all_weights[0]
    module = HasteGRU(size - heads, size, batch_first=True)

    def weights() -> Weights:
        return {
            "kernel": reordered(outer, GRU_ORDER).T,
            "recurrent_kernel": reordered(inner, GRU_ORDER).T,
            "bias": reordered(bias, GRU_ORDER),
            "recurrent_bias": reordered(other_bias, GRU_ORDER),
        }

    compare_layer(layer, Reference(module, weights, **forms(module)), compare("GRU", PACKAGE), time)


@SIZES
def test_layer_norm_lstm(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = LayerNormLSTM(size - heads, size)
    perturbed(layer)
    module = HasteLayerNormLSTM(size - heads, size, batch_first=True)

    def weights() -> Weights:
        gains = [reordered(norm.weight, LSTM_ORDER) for norm in (layer.outer_norm, layer.inner_norm)]
        return {
            "kernel": reordered(layer.outer.weight, LSTM_ORDER).T,
            "recurrent_kernel": reordered(layer.inner.weight, LSTM_ORDER).T,
            "bias": reordered(layer.outer_norm.bias + layer.inner_norm.bias, LSTM_ORDER),
            "gamma": torch.stack(gains),
            "gamma_h": layer.cell_norm.weight,
            "beta_h": layer.cell_norm.bias,
        }

    compare_layer(layer, Reference(module, weights, **forms(module)), compare("LayerNormLSTM", PACKAGE), time)


@SIZES
def test_layer_norm_gru(compare: Compare, size: int, heads: int, time: int) -> None:
    """Haste has one norm for all three gates, Ba et al. one for two and one for the candidate.

    Both are the same where every gate has the rows of the candidate in some order, so that all have one mean and one
    variance; gains and biases are free.
    """
    layer = LayerNormGRU(size - heads, size)
    perturbed(layer)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for matrix in (layer.outer.weight, layer.inner.weight):
            reset, keep, new = matrix.chunk(3)
            for gate in (reset, keep):
                gate.copy_(new[torch.randperm(size, generator=generator)])
    module = HasteLayerNormGRU(size - heads, size, batch_first=True)

    def weights() -> Weights:
        norms = [(norm.gates, norm.candidate) for norm in (layer.outer_norm, layer.inner_norm)]
        gains = [reordered(torch.cat([part.weight for part in norm]), GRU_ORDER) for norm in norms]
        biases = [reordered(torch.cat([part.bias for part in norm]), GRU_ORDER) for norm in norms]
        return {
            "kernel": reordered(layer.outer.weight, GRU_ORDER).T,
            "recurrent_kernel": reordered(layer.inner.weight, GRU_ORDER).T,
            "gamma": torch.stack(gains),
            "bias": biases[0],
            "recurrent_bias": biases[1],
        }

    remark = "one norm for three gates there, two here: with matrices for which both are one, their gradients apart"
    comparison = compare("LayerNormGRU", PACKAGE, remark)
    compare_layer(
        layer, Reference(module, weights, **forms(module)), comparison, time, [layer.outer.weight, layer.inner.weight]
    )
