"""MinGRU and MinLSTM against minGRU-pytorch."""

import pytest
import torch
from agreement import Compare
from comparing import SIZES, Reference, Weights, compare_layer, perturb
from minGRU_pytorch.minGRU import minGRU
from minGRU_pytorch.minLSTM import minLSTM
from torch import Tensor

from seq2seq.recurrence import MinGRU, MinLSTM

NO_BIAS = "outputs in log space there; its layers have no biases, so ours are the weights of an input of ones"

pytestmark = pytest.mark.usefixtures("double")


def biased(weight: Tensor, bias: Tensor, order: list[int]) -> Tensor:
    """Return the gates of weight and bias in another order, with the bias as the weights of one more input."""
    gates = torch.cat([weight, bias[:, None]], dim=1).chunk(len(order))
    return torch.cat([gates[index] for index in order])


def with_ones(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[..., :1])], dim=-1)


@SIZES
def test_min_gru(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = MinGRU(size - heads, size)
    perturb(layer, amount=0.5)
    module = minGRU(size - heads + 1, expansion_factor=(size + 0.5) / (size - heads + 1), proj_out=False)

    def weights() -> Weights:
        return {"to_hidden_and_gate.weight": biased(layer.input_projection.weight, layer.input_projection.bias, [1, 0])}

    def whole(x: Tensor) -> Tensor:
        return module(with_ones(x))  # type: ignore[no-any-return]

    def step(x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        return module(with_ones(x), state, return_next_prev_hidden=True)  # type: ignore[no-any-return]

    reference = Reference(module, weights, whole, step, lambda ours, theirs: [(ours, theirs[:, 0])])
    compare_layer(layer, reference, compare("MinGRU", "minGRU-pytorch", NO_BIAS), time)


@SIZES
def test_min_lstm(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = MinLSTM(size - heads, size)
    perturb(layer, amount=0.5)
    module = minLSTM(size - heads + 1, expansion_factor=(size + 0.5) / (size - heads + 1), proj_out=False)

    def weights() -> Weights:
        return {
            "to_hidden_and_f_i_gate.weight": biased(
                layer.input_projection.weight, layer.input_projection.bias, [2, 0, 1]
            )
        }

    def whole(x: Tensor) -> Tensor:
        return module(with_ones(x))  # type: ignore[no-any-return]

    def step(x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        return module(with_ones(x), state, return_next_prev_hidden=True)  # type: ignore[no-any-return]

    reference = Reference(module, weights, whole, step, lambda ours, theirs: [(ours, theirs[:, 0])])
    compare_layer(layer, reference, compare("MinLSTM", "minGRU-pytorch", NO_BIAS), time)
