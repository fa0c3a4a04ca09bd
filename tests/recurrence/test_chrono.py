"""Laws of how the classical layers start: the chrono biases, and that they decide what is remembered."""

from functools import partial
from typing import Any

import pytest
import torch
from delayed_token import TOKENS, learns
from torch import Tensor

from seq2seq.recurrence import GRU, LSTM, RNN, MinGRU, MinLSTM
from seq2seq.recurrence.chrono import chrono
from seq2seq.recurrence.layer_norm import LayerNormGRU, LayerNormLSTM
from seq2seq.recurrence.mogrifier import MogrifierLSTM
from seq2seq.recurrence.slstm import SLSTM

DELAY = 100
GUESSING = 1 / TOKENS


def biases(layer: LSTM | GRU) -> tuple[Tensor, ...]:
    """One of torch's two biases, gate by gate; the other one must be zero."""
    _, _, bias, other_bias = layer.kernel.all_weights[0]
    assert not other_bias.any()
    return bias.detach().split(layer.size)


def test_its_exponential_is_uniform_up_to_the_span() -> None:
    torch.manual_seed(0)
    drawn = chrono(100_000, 100).exp()
    assert 1 <= drawn.min() < 1.01
    assert 98.9 < drawn.max() <= 99.01
    shares = torch.histc(drawn, bins=7, min=1, max=99) / 100_000
    torch.testing.assert_close(shares, torch.full((7,), 1 / 7), rtol=0, atol=0.005)


@pytest.mark.parametrize("span", [-1, 1, 2])
def test_a_span_below_three_is_refused(span: int) -> None:
    with pytest.raises(ValueError, match=f"memory_span must be at least 3 .* and {span} was given"):
        LSTM(2, 2, memory_span=span)


def test_an_lstm_forgets_slowly_and_writes_rarely() -> None:
    torch.manual_seed(0)
    i, f, g, o = biases(LSTM(5, 300, forget_bias=-3.0, memory_span=50))
    assert torch.equal(i, -f)
    assert 0 <= f.min() < 1.5
    assert 3.5 < f.max() <= torch.tensor(49.0).log()
    assert not torch.cat([g, o]).any()


def test_a_gru_keeps_by_its_second_gate() -> None:
    torch.manual_seed(0)
    r, z, n = biases(GRU(5, 300, keep_bias=-3.0, memory_span=50))
    assert 0 <= z.min() < 1.5
    assert 3.5 < z.max() <= torch.tensor(49.0).log()
    assert not torch.cat([r, n]).any()


def test_a_recurrent_network_starts_as_it_is_told() -> None:
    torch.manual_seed(0)
    identity, uniform = RNN(5, 64, "relu", initialisation="identity"), RNN(5, 64, initialisation="uniform")
    assert torch.equal(identity.kernel.all_weights[0][1], torch.eye(64))
    for parameter in uniform.parameters():
        assert 0.1 < parameter.abs().max() <= 1 / 8


each_layer = pytest.mark.parametrize(
    ("layer", "steps"),
    [(LSTM, 300), (GRU, 130), (MinGRU, 150), (MinLSTM, 150)],
    ids=["lstm", "gru", "mingru", "minlstm"],
)


@each_layer
def test_a_delayed_token_is_learned_with_the_span_of_its_delay(layer: Any, steps: int) -> None:
    assert learns(partial(layer, memory_span=DELAY), DELAY, steps, seed=0) > 0.7


@each_layer
def test_a_delayed_token_is_not_learned_without(layer: Any, steps: int) -> None:
    assert learns(layer, DELAY, steps, seed=0) < 2.5 * GUESSING


@pytest.mark.slow
@pytest.mark.parametrize("layer", [partial(MogrifierLSTM, rounds=2), LayerNormLSTM], ids=["mogrifier", "layer_norm"])
def test_the_loops_of_lstms_need_the_span_too(layer: partial[MogrifierLSTM] | type[LayerNormLSTM]) -> None:
    assert learns(partial(layer, memory_span=DELAY), DELAY, 300, seed=0) > 0.7
    assert learns(layer, DELAY, 300, seed=0) < 2.5 * GUESSING


@pytest.mark.slow
def test_a_normalised_gru_learns_it_sooner_and_an_slstm_as_it_starts() -> None:
    assert learns(partial(LayerNormGRU, memory_span=DELAY), DELAY, 100, seed=0) > 0.7
    assert learns(LayerNormGRU, DELAY, 60, seed=0) < 0.7
    assert learns(SLSTM, DELAY, 200, seed=0) > 0.7
