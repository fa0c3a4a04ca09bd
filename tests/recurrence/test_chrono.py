"""Tests of chrono initialization, and that long dependencies are learned with it only."""

from functools import partial
from typing import Any

import pytest
import torch
from delayed_token import TOKENS, delayed_token_accuracy
from torch import Tensor

from seq2seq.recurrence import GRU, LSTM, RNN, MinGRU, MinLSTM
from seq2seq.recurrence.gate_biases import chrono
from seq2seq.recurrence.layer_norm import LayerNormGRU, LayerNormLSTM
from seq2seq.recurrence.mogrifier import MogrifierLSTM
from seq2seq.recurrence.slstm import SLSTM

DELAY = 100
CHANCE_ACCURACY = 1 / TOKENS


def biases(layer: LSTM | GRU) -> tuple[Tensor, ...]:
    """Return torch's bias_ih by gates; bias_hh must be zero."""
    _, _, bias_ih, bias_hh = layer.rnn.all_weights[0]
    assert not bias_hh.any()
    return bias_ih.detach().split(layer.size)


def test_exponential_of_the_biases_is_uniform_up_to_the_span() -> None:
    torch.manual_seed(0)
    sample = chrono(100_000, 100).exp()
    assert 1 <= sample.min() < 1.01
    assert 98.9 < sample.max() <= 99.01
    frequencies = torch.histc(sample, bins=7, min=1, max=99) / 100_000
    torch.testing.assert_close(frequencies, torch.full((7,), 1 / 7), rtol=0, atol=0.005)


@pytest.mark.parametrize("span", [-1, 1, 2])
def test_memory_span_below_three_is_refused(span: int) -> None:
    with pytest.raises(ValueError, match=f"memory_span must be at least 3 .* and {span} was given"):
        LSTM(2, 2, memory_span=span)


def test_memory_span_initializes_input_and_forget_biases_of_an_lstm() -> None:
    torch.manual_seed(0)
    i, f, g, o = biases(LSTM(5, 300, forget_bias=-3.0, memory_span=50))
    assert torch.equal(i, -f)
    assert 0 <= f.min() < 1.5
    assert 3.5 < f.max() <= torch.tensor(49.0).log()
    assert not torch.cat([g, o]).any()


def test_memory_span_initializes_update_biases_of_a_gru() -> None:
    torch.manual_seed(0)
    r, z, n = biases(GRU(5, 300, keep_bias=-3.0, memory_span=50))
    assert 0 <= z.min() < 1.5
    assert 3.5 < z.max() <= torch.tensor(49.0).log()
    assert not torch.cat([r, n]).any()


def test_rnn_initialization_option() -> None:
    torch.manual_seed(0)
    identity, uniform = RNN(5, 64, "relu", initialisation="identity"), RNN(5, 64, initialisation="uniform")
    assert torch.equal(identity.rnn.all_weights[0][1], torch.eye(64))
    for parameter in uniform.parameters():
        assert 0.1 < parameter.abs().max() <= 1 / 8


each_layer = pytest.mark.parametrize(
    ("layer", "steps"),
    [(LSTM, 300), (GRU, 130), (MinGRU, 150), (MinLSTM, 150)],
    ids=["lstm", "gru", "mingru", "minlstm"],
)


@each_layer
def test_delayed_token_is_learned_with_memory_span(layer: Any, steps: int) -> None:
    assert delayed_token_accuracy(partial(layer, memory_span=DELAY), DELAY, steps, seed=0) > 0.7


@each_layer
def test_delayed_token_is_not_learned_without_memory_span(layer: Any, steps: int) -> None:
    assert delayed_token_accuracy(layer, DELAY, steps, seed=0) < 2.5 * CHANCE_ACCURACY


@pytest.mark.slow
@pytest.mark.parametrize("layer", [partial(MogrifierLSTM, rounds=2), LayerNormLSTM], ids=["mogrifier", "layer_norm"])
def test_lstm_variants_need_memory_span(layer: partial[MogrifierLSTM] | type[LayerNormLSTM]) -> None:
    assert delayed_token_accuracy(partial(layer, memory_span=DELAY), DELAY, 300, seed=0) > 0.7
    assert delayed_token_accuracy(layer, DELAY, 300, seed=0) < 2.5 * CHANCE_ACCURACY


@pytest.mark.slow
def test_layer_norm_gru_learns_faster_with_memory_span_and_slstm_without() -> None:
    assert delayed_token_accuracy(partial(LayerNormGRU, memory_span=DELAY), DELAY, 100, seed=0) > 0.7
    assert delayed_token_accuracy(LayerNormGRU, DELAY, 60, seed=0) < 0.7
    assert delayed_token_accuracy(SLSTM, DELAY, 200, seed=0) > 0.7
