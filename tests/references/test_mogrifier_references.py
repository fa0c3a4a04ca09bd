"""MogrifierLSTM against the package mogrifier, followed by torch's LSTM cell."""

import pytest
import torch
from agreement import Compare
from comparing import BATCH, SIZES, Reference, Weights, compare_layer, perturb
from mogrifier import Mogrifier
from torch import Tensor, nn

from seq2seq.recurrence import LSTMState, MogrifierLSTM

REMARK = "one matrix for all rounds of input or state there, so ours are tied; the LSTM's cell is torch's"

pytestmark = pytest.mark.usefixtures("double")


class Mogrified(nn.Module):
    def __init__(self, input_size: int, size: int, rounds: int, rank: int | None) -> None:
        super().__init__()
        self.mogrifier = Mogrifier(input_size, rounds, rank, size)
        self.cell = nn.LSTMCell(input_size, size)

    def whole(self, x: Tensor) -> Tensor:
        state, outputs = None, []
        for x_t in x.split(1, dim=1):
            y, state = self.step(x_t, state)
            outputs.append(y)
        return torch.cat(outputs, dim=1)

    def step(self, x: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        if state is None:
            zeros = x.new_zeros(BATCH, self.cell.hidden_size)
            state = (zeros, zeros)
        gated, hidden = self.mogrifier(x[:, 0], state[0])
        state = self.cell(gated, (hidden, state[1]))
        return state[0][:, None], state


def states(ours: LSTMState, theirs: tuple[Tensor, Tensor]) -> list[tuple[Tensor, Tensor]]:
    return [(ours.hidden, theirs[0]), (ours.cell, theirs[1])]


@SIZES
@pytest.mark.parametrize("rank", [None, 3])
@pytest.mark.parametrize("rounds", [2, 5])
def test_mogrifier_lstm(compare: Compare, size: int, heads: int, time: int, rounds: int, rank: int | None) -> None:
    layer = MogrifierLSTM(size - heads, size, rounds, rank)
    for n in range(2, rounds):
        layer.rounds[n] = layer.rounds[n % 2]
    perturb(layer)
    module = Mogrified(size - heads, size, rounds, rank)

    def weights() -> Weights:
        parameters = {
            "cell.weight_ih": layer.linear_ih.weight,
            "cell.weight_hh": layer.linear_hh.weight,
            "cell.bias_ih": layer.linear_ih.bias,
            "cell.bias_hh": torch.zeros_like(layer.linear_ih.bias),
        }
        for side, gate in zip(("Q", "R"), layer.rounds, strict=False):
            for name, weight in gate.named_parameters():
                parameters[f"mogrifier.{side}.0.{name}"] = weight
        for name, bias in module.mogrifier.named_parameters():
            if name.endswith("bias"):  # Melis et al. have none
                parameters[f"mogrifier.{name}"] = torch.zeros_like(bias)
        return parameters

    reference = Reference(module, weights, module.whole, module.step, states)
    compare_layer(layer, reference, compare("MogrifierLSTM", "mogrifier", REMARK), time)
