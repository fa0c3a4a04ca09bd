"""Tests of the layer-normalized LSTM and GRU: the paper's equations, scale invariance, initialization and dropout."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seq2seq.recurrence import LayerFactory
from seq2seq.recurrence.layer_norm import LayerNormGRU, LayerNormLSTM

LAYERS: dict[str, LayerFactory] = {"lstm": LayerNormLSTM, "gru": LayerNormGRU}
each_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)


def layer_and_input(layer: LayerFactory) -> tuple[Any, dict[str, Tensor], Tensor]:
    """Return a layer without trivial gains and biases, its parameters by name, and an input."""
    torch.manual_seed(0)
    module = layer(5, 6).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return module, dict(module.named_parameters()), torch.randn(3, 7, 5, dtype=torch.double)


def norm(x: Tensor, p: dict[str, Tensor], name: str) -> Tensor:
    centered = x - x.mean(dim=1, keepdim=True)
    deviation = (centered.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()
    return centered / deviation * p[f"{name}.weight"] + p[f"{name}.bias"]


def test_lstm_equals_the_papers_equations() -> None:
    layer, p, x = layer_and_input(LayerNormLSTM)
    h = c = torch.zeros(3, 6, dtype=torch.double)
    expected = []
    for t in range(7):
        gates_ih = norm(x[:, t] @ p["linear_ih.weight"].T, p, "norm_ih")
        gates_hh = norm(h @ p["linear_hh.weight"].T, p, "norm_hh")
        gates = gates_ih + gates_hh
        i, f, o = (1 / (1 + torch.exp(-gates[:, start : start + 6])) for start in (0, 6, 18))
        c = f * c + i * torch.tanh(gates[:, 12:18])
        h = o * torch.tanh(norm(c, p, "norm_cell"))
        expected.append(h)
    y, state = layer(x)
    torch.testing.assert_close(y, torch.stack(expected, dim=1))
    torch.testing.assert_close(state.cell, c)
    torch.testing.assert_close(state.hidden, h)


def test_gru_equals_the_papers_equations_with_torchs_update_gate() -> None:
    layer, p, x = layer_and_input(LayerNormGRU)
    h = torch.zeros(3, 6, dtype=torch.double)
    expected = []
    for t in range(7):
        projected_x, projected_h = x[:, t] @ p["linear_ih.weight"].T, h @ p["linear_hh.weight"].T
        gates = norm(projected_x[:, :12], p, "norm_ih.gates") + norm(projected_h[:, :12], p, "norm_hh.gates")
        r, z = (1 / (1 + torch.exp(-gates[:, start : start + 6])) for start in (0, 6))
        candidate_hh = norm(projected_h[:, 12:], p, "norm_hh.candidate")
        candidate = torch.tanh(norm(projected_x[:, 12:], p, "norm_ih.candidate") + r * candidate_hh)
        h = (1 - z) * candidate + z * h
        expected.append(h)
    y, state = layer(x)
    torch.testing.assert_close(y, torch.stack(expected, dim=1))
    torch.testing.assert_close(state, h)


@each_layer
def test_output_does_not_depend_on_the_scale_of_input_or_weights(layer: LayerFactory) -> None:
    module, p, x = layer_and_input(layer)
    y, _ = module(x)
    torch.testing.assert_close(module(1000 * x)[0], y, rtol=1e-3, atol=1e-3)
    with torch.no_grad():
        p["linear_ih.weight"].mul_(50)
    torch.testing.assert_close(module(x)[0], y, rtol=1e-3, atol=1e-3)


@each_layer
def test_recurrent_weights_of_each_gate_are_orthogonal_at_first(layer: LayerFactory) -> None:
    weight: Tensor = dict(layer(5, 7).named_parameters())["linear_hh.weight"].detach()
    for gate in weight.split(7):
        torch.testing.assert_close(gate @ gate.T, torch.eye(7), rtol=0, atol=1e-5)


def test_initial_gate_biases_are_in_the_norm_of_the_input_projection() -> None:
    lstm, gru = LayerNormLSTM(5, 3, forget_bias=2.0), LayerNormGRU(5, 3, keep_bias=2.0)
    assert torch.equal(lstm.norm_ih.bias.detach(), torch.tensor([0.0, 2.0, 0.0, 0.0]).repeat_interleave(3))
    assert torch.equal(gru.norm_ih.gates.bias.detach(), torch.tensor([0.0, 2.0]).repeat_interleave(3))
    for other in (lstm.norm_hh, lstm.norm_cell, gru.norm_hh.gates, gru.norm_hh.candidate):
        assert isinstance(other, nn.LayerNorm)
        assert not other.bias.any()


def test_memory_span_initializes_gate_biases() -> None:
    i, f, g, o = LayerNormLSTM(5, 300, memory_span=50).norm_ih.bias.detach().chunk(4)
    assert torch.equal(i, -f)
    assert 0 <= f.min() < 1.5
    assert 3.5 < f.max() <= torch.tensor(49.0).log()
    assert not g.any()
    assert not o.any()
    r, z = LayerNormGRU(5, 300, memory_span=50).norm_ih.gates.bias.detach().chunk(2)
    assert 0 <= z.min() < 1.5
    assert 3.5 < z.max() <= torch.tensor(49.0).log()
    assert not r.any()


@each_layer
def test_weight_dropout_uses_one_mask_for_a_whole_sequence_and_none_in_evaluation(layer: LayerFactory) -> None:
    module, _, x = layer_and_input(partial(layer, weight_dropout=0.5))
    without_dropout = layer(5, 6).double()
    without_dropout.load_state_dict(module.state_dict())
    torch.manual_seed(1)
    y, _ = module(x)
    torch.testing.assert_close(module.eval()(x)[0], without_dropout(x)[0])
    assert not torch.allclose(y, without_dropout(x)[0])
    torch.manual_seed(1)
    weights = without_dropout.state_dict()
    weights["linear_hh.weight"] = nn.functional.dropout(weights["linear_hh.weight"], 0.5)
    without_dropout.load_state_dict(weights)
    torch.testing.assert_close(y, without_dropout(x)[0])
