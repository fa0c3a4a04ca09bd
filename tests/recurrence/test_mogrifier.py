"""Tests of the Mogrifier LSTM: the paper's equations, an LSTM without rounds, and initialization."""

import pytest
import torch
from torch import Tensor, nn

from seq2seq.recurrence.mogrifier import MogrifierLSTM

INPUT, SIZE = 5, 6


def layer_and_input(rounds: int, rank: int | None) -> tuple[MogrifierLSTM, Tensor]:
    torch.manual_seed(0)
    layer = MogrifierLSTM(INPUT, SIZE, rounds, rank).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return layer, torch.randn(3, 7, INPUT, dtype=torch.double)


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


def round_matrix(p: dict[str, Tensor], n: int, rank: int | None) -> Tensor:
    return p[f"rounds.{n}.weight"] if rank is None else p[f"rounds.{n}.1.weight"] @ p[f"rounds.{n}.0.weight"]


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("rounds", [1, 2, 4, 5])
def test_output_equals_the_papers_equations(rounds: int, rank: int | None) -> None:
    layer, inputs = layer_and_input(rounds, rank)
    p = dict(layer.named_parameters())
    h = c = torch.zeros(3, SIZE, dtype=torch.double)
    expected = []
    for t in range(7):
        x = inputs[:, t]
        for i in range(1, rounds + 1):  # as the paper counts them
            if i % 2:
                x = 2 * sigmoid(h @ round_matrix(p, i - 1, rank).T) * x
            else:
                h = 2 * sigmoid(x @ round_matrix(p, i - 1, rank).T) * h
        i_, f, j, o = (x @ p["linear_ih.weight"].T + h @ p["linear_hh.weight"].T + p["linear_ih.bias"]).split(
            SIZE, dim=1
        )
        c = sigmoid(f) * c + sigmoid(i_) * torch.tanh(j)
        h = sigmoid(o) * torch.tanh(c)
        expected.append(h)
    y, state = layer(inputs)
    torch.testing.assert_close(y, torch.stack(expected, dim=1))
    torch.testing.assert_close(state.cell, c)
    torch.testing.assert_close(state.hidden, h)


def test_without_rounds_it_equals_an_lstm() -> None:
    layer, x = layer_and_input(rounds=0, rank=None)
    lstm = nn.LSTM(INPUT, SIZE, batch_first=True).double()
    weight_ih, weight_hh, bias_ih, bias_hh = lstm.all_weights[0]
    with torch.no_grad():
        weight_ih.copy_(layer.linear_ih.weight)
        weight_hh.copy_(layer.linear_hh.weight)
        bias_ih.copy_(layer.linear_ih.bias)
        bias_hh.zero_()
    torch.testing.assert_close(layer(x)[0], lstm(x)[0])


def test_low_rank_reduces_the_number_of_parameters() -> None:
    def count(layer: nn.Module) -> int:
        return sum(parameter.numel() for parameter in layer.parameters())

    lstm_parameters = count(MogrifierLSTM(20, 30, rounds=0))
    assert count(MogrifierLSTM(20, 30, rounds=5)) - lstm_parameters == 5 * 20 * 30
    assert count(MogrifierLSTM(20, 30, rounds=5, rank=4)) - lstm_parameters == 5 * 4 * (20 + 30)


def test_initialization_is_an_lstms() -> None:
    layer = MogrifierLSTM(INPUT, 7, forget_bias=2.0)
    assert torch.equal(layer.linear_ih.bias.detach(), torch.tensor([0.0, 2.0, 0.0, 0.0]).repeat_interleave(7))
    for gate in layer.linear_hh.weight.detach().split(7):
        torch.testing.assert_close(gate @ gate.T, torch.eye(7), rtol=0, atol=1e-5)


def test_memory_span_initializes_gate_biases() -> None:
    i, f, _, _ = MogrifierLSTM(INPUT, 300, memory_span=50).linear_ih.bias.detach().chunk(4)
    assert torch.equal(i, -f)
    assert 0 <= f.min() < 1.5
    assert 3.5 < f.max() <= torch.tensor(49.0).log()


def test_rounds_and_rank_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"rounds must be at least 0 .* and -1 was given"):
        MogrifierLSTM(2, 2, rounds=-1)
    with pytest.raises(ValueError, match=r"rounds must be .* at most 100, and 2147483647 was given"):
        MogrifierLSTM(2, 2, rounds=2**31 - 1)
    with pytest.raises(ValueError, match=r"rank must be at least 1 .* and 0 was given"):
        MogrifierLSTM(2, 2, rank=0)
