"""MogrifierLSTM against the package mogrifier, before torch's own LSTM cell."""

import pytest
import torch
from agreement import Compare
from comparing import BATCH, SIZES, Reference, Weights, compare_layer, perturbed
from mogrifier import Mogrifier
from torch import Tensor, nn

from seq2seq.recurrence import LSTMState, MogrifierLSTM

REMARK = "one matrix for all rounds of a side there, so ours are tied; the LSTM's cell is torch's"

pytestmark = pytest.mark.usefixtures("double")


class Mogrified(nn.Module):
    def __init__(self, input_size: int, size: int, rounds: int, rank: int | None) -> None:
        super().__init__()
        self.mogrifier = Mogrifier(input_size, rounds, rank, size)
        self.cell = nn.LSTMCell(input_size, size)

    def whole(self, x: Tensor) -> Tensor:
        state, outputs = None, []
        for now in x.split(1, dim=1):
            y, state = self.step(now, state)
            outputs.append(y)
        return torch.cat(outputs, dim=1)

    def step(self, x: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        if state is None:
            zeros = x.new_zeros(BATCH, self.cell.hidden_size)
            state = (zeros, zeros)
        gated, hidden = self.mogrifier(x[:, 0], state[0])
        after = self.cell(gated, (hidden, state[1]))
        return after[0][:, None], after


def states(ours: LSTMState, theirs: tuple[Tensor, Tensor]) -> list[tuple[Tensor, Tensor]]:
    return [(ours.hidden, theirs[0]), (ours.cell, theirs[1])]


@SIZES
@pytest.mark.parametrize("rank", [None, 3])
@pytest.mark.parametrize("rounds", [2, 5])
def test_mogrifier_lstm(compare: Compare, size: int, heads: int, time: int, rounds: int, rank: int | None) -> None:
    layer = MogrifierLSTM(size - heads, size, rounds, rank)
    for number in range(2, rounds):
        layer.rounds[number] = layer.rounds[number % 2]
    perturbed(layer)
    module = Mogrified(size - heads, size, rounds, rank)

    def weights() -> Weights:
        found = {
            "cell.weight_ih": layer.outer.weight,
            "cell.weight_hh": layer.inner.weight,
            "cell.bias_ih": layer.outer.bias,
            "cell.bias_hh": torch.zeros_like(layer.outer.bias),
        }
        for side, gate in zip(("Q", "R"), layer.rounds, strict=False):
            for name, weight in gate.named_parameters():
                found[f"mogrifier.{side}.0.{name}"] = weight
        for name, bias in module.mogrifier.named_parameters():
            if name.endswith("bias"):  # which Melis et al. have not
                found[f"mogrifier.{name}"] = torch.zeros_like(bias)
        return found

    reference = Reference(module, weights, module.whole, module.step, states)
    compare_layer(layer, reference, compare("MogrifierLSTM", "mogrifier", REMARK), time)
