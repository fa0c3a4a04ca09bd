"""Laws of the classical layers beyond the contract: how they start, and dropout of their weights."""

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
    return {name.removeprefix("kernel."): value.detach() for name, value in layer.named_parameters()}


@each_layer
def test_recurrent_gate_matrices_start_orthogonal(layer: LayerFactory) -> None:
    recurrent = parameters(layer(5, 7))["weight_hh_l0"]
    for gate in recurrent.split(7):
        torch.testing.assert_close(gate @ gate.T, torch.eye(7), rtol=0, atol=1e-5)


def test_an_lstm_starts_with_a_forget_bias_of_one_in_one_of_its_two_biases() -> None:
    held = parameters(LSTM(5, 3))
    expected = torch.tensor([0.0, 1.0, 0.0, 0.0]).repeat_interleave(3)  # torch's order: input, forget, cell, output
    assert torch.equal(held["bias_ih_l0"], expected)
    assert torch.equal(held["bias_hh_l0"], torch.zeros(12))


def test_an_open_forget_gate_keeps_the_cell_and_a_shut_one_loses_it() -> None:
    x, cell = torch.zeros(1, 20, 2), torch.ones(1, 4)
    for bias, left in ((50.0, 1.0), (-50.0, 0.0)):
        layer = LSTM(2, 4, forget_bias=bias)
        state = layer.initial_state(1)._replace(cell=cell)
        for _ in range(20):
            _, state = layer(x[:, :1], state._replace(hidden=torch.zeros(1, 4)))
        torch.testing.assert_close(state.cell, left * cell)


def test_an_open_gate_keeps_the_state_of_a_gru() -> None:
    _, state = GRU(2, 4, keep_bias=50.0)(torch.randn(1, 20, 2), torch.full((1, 4), 0.7))
    torch.testing.assert_close(state, torch.full((1, 4), 0.7))


@each_layer
def test_weight_dropout_changes_what_is_said_in_training_only(layer: LayerFactory) -> None:
    torch.manual_seed(0)
    dropping = layer(5, 8, weight_dropout=0.5)  # type: ignore[call-arg]
    plain = layer(5, 8)
    plain.load_state_dict(dropping.state_dict())
    x, lengths = torch.randn(2, 6, 5), torch.tensor([6, 4])
    dropping.eval()
    assert torch.equal(dropping(x)[0], plain(x)[0])
    assert torch.equal(dropping(x)[0], dropping(x)[0])
    dropping.train()
    for given in (None, lengths):
        first, second = dropping(x, None, given)[0], dropping(x, None, given)[0]
        assert (first[0] - plain(x)[0][0]).abs().max() > 1e-3
        assert (first[0] - second[0]).abs().max() > 1e-3


@each_layer
def test_weight_dropout_uses_one_mask_for_a_whole_sequence(layer: LayerFactory) -> None:
    torch.manual_seed(0)
    dropping = layer(5, 8, weight_dropout=0.5).double()  # type: ignore[call-arg]
    masked = layer(5, 8).double()
    x = torch.randn(2, 6, 5, dtype=torch.double)
    torch.manual_seed(1)
    y, _ = dropping(x)
    torch.manual_seed(1)
    held = dropping.state_dict()
    held["kernel.weight_hh_l0"] = nn.functional.dropout(held["kernel.weight_hh_l0"], 0.5)
    masked.load_state_dict(held)
    torch.testing.assert_close(y, masked(x)[0])


@each_layer
def test_weight_dropout_never_changes_the_parameters_and_reaches_them(layer: LayerFactory) -> None:
    torch.manual_seed(0)
    dropping = layer(5, 8, weight_dropout=0.5)  # type: ignore[call-arg]
    before = {name: value.clone() for name, value in parameters(dropping).items()}
    names = [name for name, _ in dropping.named_parameters()]
    y, _ = dropping(torch.randn(2, 6, 5))
    y.sum().backward()
    assert [name for name, _ in dropping.named_parameters()] == names
    for name, value in dropping.named_parameters():
        assert torch.equal(value.detach(), before[name.removeprefix("kernel.")])
        assert value.grad is not None
    recurrent = dict(dropping.named_parameters())["kernel.weight_hh_l0"].grad
    assert recurrent is not None
    assert 0 < (recurrent == 0).sum() < recurrent.numel()  # what was dropped learns nothing


def test_a_probability_or_a_size_out_of_range_is_one_sentence() -> None:
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
                near, after = layer(x, lengths=lengths)
            real = slice(None) if lengths is None else slice(2)
            assert torch.allclose(near[real, :2].float(), exact[real, :2], atol=0.02), (dropout, lengths, dtype)
            (near.float().sum() + after.cell.float().sum()).backward()
            assert all(weight.grad.isfinite().all() for weight in layer.parameters())
"""


WITHOUT = "from seq2seq import processor; processor.multiplies = lambda dtype: False"


@pytest.mark.parametrize(("before", "instructions"), [(WITHOUT, "AVX2"), ("", "DEFAULT")], ids=["without", "as it is"])
def test_autocast_needs_no_processor_that_knows_the_type(before: str, instructions: str) -> None:
    """In a process of its own, since oneDNN asks once which instructions it may use."""
    own = os.environ | {"ONEDNN_MAX_CPU_ISA": instructions, "OMP_NUM_THREADS": "1"}
    code = f"{before}\n{AUTOCAST}"
    done = subprocess.run([sys.executable, "-c", code], env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
