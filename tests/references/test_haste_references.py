"""LSTM, GRU, LayerNormLSTM and LayerNormGRU against haste, whose gates have another order."""

from typing import Any

import pytest
import torch
from agreement import Compare
from comparing import SIZES, Reference, Weights, compare_layer, perturb
from haste_pytorch import GRU as HasteGRU  # noqa: N811
from haste_pytorch import LSTM as HasteLSTM  # noqa: N811
from haste_pytorch import LayerNormGRU as HasteLayerNormGRU
from haste_pytorch import LayerNormLSTM as HasteLayerNormLSTM
from torch import Tensor

from seq2seq.recurrence import GRU, LSTM, LayerNormGRU, LayerNormLSTM, LSTMState

PACKAGE = "haste-pytorch-cpu"
LSTM_ORDER = [0, 2, 1, 3]  # ours is input, forget, cell, output; theirs input, cell, forget, output
GRU_ORDER = [1, 0, 2]  # ours is reset, update, candidate; theirs update, reset, candidate

pytestmark = pytest.mark.usefixtures("double")


def reordered(gates: Tensor, order: list[int]) -> Tensor:
    parts = gates.chunk(len(order))
    return torch.cat([parts[number] for number in order])


def reference_functions(module: Any) -> dict[str, Any]:
    """Return the functions of a `Reference` that call a module of haste."""

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
    perturb(layer)
    weight_ih, weight_hh, bias_ih, bias_hh = layer.rnn.all_weights[0]
    module = HasteLSTM(size - heads, size, batch_first=True)

    def weights() -> Weights:
        return {
            "kernel": reordered(weight_ih, LSTM_ORDER).T,
            "recurrent_kernel": reordered(weight_hh, LSTM_ORDER).T,
            "bias": reordered(bias_ih + bias_hh, LSTM_ORDER),
        }

    compare_layer(layer, Reference(module, weights, **reference_functions(module)), compare("LSTM", PACKAGE), time)


@SIZES
def test_gru(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = GRU(size - heads, size)
    perturb(layer)
    weight_ih, weight_hh, bias_ih, bias_hh = layer.rnn.all_weights[0]
    module = HasteGRU(size - heads, size, batch_first=True)

    def weights() -> Weights:
        return {
            "kernel": reordered(weight_ih, GRU_ORDER).T,
            "recurrent_kernel": reordered(weight_hh, GRU_ORDER).T,
            "bias": reordered(bias_ih, GRU_ORDER),
            "recurrent_bias": reordered(bias_hh, GRU_ORDER),
        }

    compare_layer(layer, Reference(module, weights, **reference_functions(module)), compare("GRU", PACKAGE), time)


@SIZES
def test_layer_norm_lstm(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = LayerNormLSTM(size - heads, size)
    perturb(layer)
    module = HasteLayerNormLSTM(size - heads, size, batch_first=True)

    def weights() -> Weights:
        gains = [reordered(norm.weight, LSTM_ORDER) for norm in (layer.norm_ih, layer.norm_hh)]
        return {
            "kernel": reordered(layer.linear_ih.weight, LSTM_ORDER).T,
            "recurrent_kernel": reordered(layer.linear_hh.weight, LSTM_ORDER).T,
            "bias": reordered(layer.norm_ih.bias + layer.norm_hh.bias, LSTM_ORDER),
            "gamma": torch.stack(gains),
            "gamma_h": layer.norm_cell.weight,
            "beta_h": layer.norm_cell.bias,
        }

    compare_layer(
        layer, Reference(module, weights, **reference_functions(module)), compare("LayerNormLSTM", PACKAGE), time
    )


@SIZES
def test_layer_norm_gru(compare: Compare, size: int, heads: int, time: int) -> None:
    """Haste has one LayerNorm for all three gates, Ba et al. one for two and one for the candidate.

    Both are equal if every gate has the rows of the candidate in some order, so that all have the same mean and
    variance; gains and biases are free.
    """
    layer = LayerNormGRU(size - heads, size)
    perturb(layer)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for matrix in (layer.linear_ih.weight, layer.linear_hh.weight):
            reset, update, candidate = matrix.chunk(3)
            for gate in (reset, update):
                gate.copy_(candidate[torch.randperm(size, generator=generator)])
    module = HasteLayerNormGRU(size - heads, size, batch_first=True)

    def weights() -> Weights:
        norms = [(norm.gates, norm.candidate) for norm in (layer.norm_ih, layer.norm_hh)]
        gains = [reordered(torch.cat([part.weight for part in norm]), GRU_ORDER) for norm in norms]
        biases = [reordered(torch.cat([part.bias for part in norm]), GRU_ORDER) for norm in norms]
        return {
            "kernel": reordered(layer.linear_ih.weight, GRU_ORDER).T,
            "recurrent_kernel": reordered(layer.linear_hh.weight, GRU_ORDER).T,
            "gamma": torch.stack(gains),
            "bias": biases[0],
            "recurrent_bias": biases[1],
        }

    remark = "one norm for three gates there, two here: matrices for which both are equal, without their gradients"
    comparison = compare("LayerNormGRU", PACKAGE, remark)
    compare_layer(
        layer,
        Reference(module, weights, **reference_functions(module)),
        comparison,
        time,
        [layer.linear_ih.weight, layer.linear_hh.weight],
    )
