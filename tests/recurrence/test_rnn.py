"""Tests of RNN, LSTM and GRU beyond the contract: initialization, weight dropout and autocast."""

import os
import subprocess
import sys
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from seq2seq.recurrence import GRU, LSTM, RNN, LayerFactory

LAYERS: dict[str, LayerFactory] = {"rnn": RNN, "relu": partial(RNN, nonlinearity="relu"), "lstm": LSTM, "gru": GRU}
each_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)


def parameters(layer: nn.Module) -> dict[str, Tensor]:
    return {name.removeprefix("rnn."): value.detach() for name, value in layer.named_parameters()}


@each_layer
def test_recurrent_weights_of_each_gate_are_orthogonal_at_first(layer: LayerFactory) -> None:
    weight_hh = parameters(layer(5, 7))["weight_hh_l0"]
    for gate in weight_hh.split(7):
        torch.testing.assert_close(gate @ gate.T, torch.eye(7), rtol=0, atol=1e-5)


def test_initial_forget_bias_of_an_lstm_is_one_in_bias_ih() -> None:
    initial = parameters(LSTM(5, 3))
    expected = torch.tensor([0.0, 1.0, 0.0, 0.0]).repeat_interleave(3)  # torch's order: input, forget, cell, output
    assert torch.equal(initial["bias_ih_l0"], expected)
    assert torch.equal(initial["bias_hh_l0"], torch.zeros(12))


def test_open_forget_gate_keeps_the_cell_and_closed_one_erases_it() -> None:
    x, cell = torch.zeros(1, 20, 2), torch.ones(1, 4)
    for bias, factor in ((50.0, 1.0), (-50.0, 0.0)):
        layer = LSTM(2, 4, forget_bias=bias)
        state = layer.initial_state(1)._replace(cell=cell)
        for _ in range(20):
            _, state = layer(x[:, :1], state._replace(hidden=torch.zeros(1, 4)))
        torch.testing.assert_close(state.cell, factor * cell)


def test_open_update_gate_keeps_the_state_of_a_gru() -> None:
    _, state = GRU(2, 4, keep_bias=50.0)(torch.randn(1, 20, 2), torch.full((1, 4), 0.7))
    torch.testing.assert_close(state, torch.full((1, 4), 0.7))


@each_layer
def test_weight_dropout_changes_outputs_in_training_only(layer: LayerFactory) -> None:
    torch.manual_seed(0)
    with_dropout = layer(5, 8, weight_dropout=0.5)  # type: ignore[call-arg]
    without_dropout = layer(5, 8)
    without_dropout.load_state_dict(with_dropout.state_dict())
    x, lengths = torch.randn(2, 6, 5), torch.tensor([6, 4])
    with_dropout.eval()
    assert torch.equal(with_dropout(x)[0], without_dropout(x)[0])
    assert torch.equal(with_dropout(x)[0], with_dropout(x)[0])
    with_dropout.train()
    for row_lengths in (None, lengths):
        first, second = with_dropout(x, None, row_lengths)[0], with_dropout(x, None, row_lengths)[0]
        assert (first[0] - without_dropout(x)[0][0]).abs().max() > 1e-3
        assert (first[0] - second[0]).abs().max() > 1e-3


@each_layer
def test_weight_dropout_uses_one_mask_for_a_whole_sequence(layer: LayerFactory) -> None:
    torch.manual_seed(0)
    with_dropout = layer(5, 8, weight_dropout=0.5).double()  # type: ignore[call-arg]
    masked = layer(5, 8).double()
    x = torch.randn(2, 6, 5, dtype=torch.double)
    torch.manual_seed(1)
    y, _ = with_dropout(x)
    torch.manual_seed(1)
    weights = with_dropout.state_dict()
    weights["rnn.weight_hh_l0"] = nn.functional.dropout(weights["rnn.weight_hh_l0"], 0.5)
    masked.load_state_dict(weights)
    torch.testing.assert_close(y, masked(x)[0])


@each_layer
def test_weight_dropout_keeps_parameters_and_gives_them_gradients(layer: LayerFactory) -> None:
    torch.manual_seed(0)
    with_dropout = layer(5, 8, weight_dropout=0.5)  # type: ignore[call-arg]
    initial = {name: value.clone() for name, value in parameters(with_dropout).items()}
    names = [name for name, _ in with_dropout.named_parameters()]
    y, _ = with_dropout(torch.randn(2, 6, 5))
    y.sum().backward()
    assert [name for name, _ in with_dropout.named_parameters()] == names
    for name, value in with_dropout.named_parameters():
        assert torch.equal(value.detach(), initial[name.removeprefix("rnn.")])
        assert value.grad is not None
    grad = dict(with_dropout.named_parameters())["rnn.weight_hh_l0"].grad
    assert grad is not None
    assert 0 < (grad == 0).sum() < grad.numel()  # dropped weights have no gradient


def test_probability_or_size_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 0 and below 1, and 1\.5 was given"):
        LSTM(2, 2, weight_dropout=1.5)
    with pytest.raises(ValueError, match=r"input_size must be at least 1 and at most .*, and 0 was given"):
        GRU(0, 2)


AUTOCAST = """
import torch
from seq2seq.recurrence import LSTM

torch.manual_seed(1)
for dropout in (0.0, 0.5):
    layer, x = LSTM(8, 16, weight_dropout=dropout), torch.randn(3, 5, 8)
    for lengths in (None, torch.tensor([5, 2, 0])):
        for dtype in (torch.bfloat16, torch.float16):
            torch.manual_seed(2)
            exact, _ = layer(x, lengths=lengths)
            torch.manual_seed(2)
            with torch.autocast("cpu", dtype):
                y, state = layer(x, lengths=lengths)
            nonempty = slice(None) if lengths is None else slice(2)
            assert torch.allclose(y[nonempty, :2].float(), exact[nonempty, :2], atol=0.02), (dropout, lengths, dtype)
            (y.float().sum() + state.cell.float().sum()).backward()
            assert all(weight.grad.isfinite().all() for weight in layer.parameters())
"""


WITHOUT_FAST_PRODUCTS = (
    "from seq2seq.nn import mixed_precision; mixed_precision.has_fast_products = lambda dtype: False"
)


@pytest.mark.parametrize(
    ("setup", "instructions"), [(WITHOUT_FAST_PRODUCTS, "AVX2"), ("", "DEFAULT")], ids=["unsupported", "default"]
)
def test_autocast_works_on_a_cpu_without_the_dtype(setup: str, instructions: str) -> None:
    """Run in a separate process, since oneDNN reads the allowed instructions only once."""
    env = os.environ | {"ONEDNN_MAX_CPU_ISA": instructions, "OMP_NUM_THREADS": "1"}
    code = f"{setup}\n{AUTOCAST}"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
