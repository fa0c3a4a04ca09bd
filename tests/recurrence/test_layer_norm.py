"""Laws of the normalised gated layers: they are the paper's equations, and ignore the scale of what they read."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seq2seq.recurrence import LayerFactory
from seq2seq.recurrence.layer_norm import LayerNormGRU, LayerNormLSTM

LAYERS: dict[str, LayerFactory] = {"lstm": LayerNormLSTM, "gru": LayerNormGRU}
each_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)


def given(layer: LayerFactory) -> tuple[Any, dict[str, Tensor], Tensor]:
    """A layer with gains and biases that show, its parameters by name, and what it reads."""
    torch.manual_seed(0)
    built = layer(5, 6).double()
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return built, dict(built.named_parameters()), torch.randn(3, 7, 5, dtype=torch.double)


def norm(x: Tensor, p: dict[str, Tensor], name: str) -> Tensor:
    centred = x - x.mean(dim=1, keepdim=True)
    deviation = (centred.square().mean(dim=1, keepdim=True) + 1e-5).sqrt()
    return centred / deviation * p[f"{name}.weight"] + p[f"{name}.bias"]


def test_the_lstm_is_the_papers_equations() -> None:
    layer, p, x = given(LayerNormLSTM)
    h = c = torch.zeros(3, 6, dtype=torch.double)
    expected = []
    for t in range(7):
        outer = norm(x[:, t] @ p["outer.weight"].T, p, "outer_norm")
        inner = norm(h @ p["inner.weight"].T, p, "inner_norm")
        total = outer + inner
        i, f, o = (1 / (1 + torch.exp(-total[:, at : at + 6])) for at in (0, 6, 18))
        c = f * c + i * torch.tanh(total[:, 12:18])
        h = o * torch.tanh(norm(c, p, "cell_norm"))
        expected.append(h)
    y, state = layer(x)
    torch.testing.assert_close(y, torch.stack(expected, dim=1))
    torch.testing.assert_close(state.cell, c)
    torch.testing.assert_close(state.hidden, h)


def test_the_gru_is_the_papers_equations_with_a_gate_that_keeps() -> None:
    layer, p, x = given(LayerNormGRU)
    h = torch.zeros(3, 6, dtype=torch.double)
    expected = []
    for t in range(7):
        outer, inner = x[:, t] @ p["outer.weight"].T, h @ p["inner.weight"].T
        total = norm(outer[:, :12], p, "outer_norm.gates") + norm(inner[:, :12], p, "inner_norm.gates")
        r, z = (1 / (1 + torch.exp(-total[:, at : at + 6])) for at in (0, 6))
        past = norm(inner[:, 12:], p, "inner_norm.candidate")
        new = torch.tanh(norm(outer[:, 12:], p, "outer_norm.candidate") + r * past)
        h = (1 - z) * new + z * h
        expected.append(h)
    y, state = layer(x)
    torch.testing.assert_close(y, torch.stack(expected, dim=1))
    torch.testing.assert_close(state, h)


@each_layer
def test_the_scale_of_the_input_and_of_either_matrix_does_not_matter(layer: LayerFactory) -> None:
    built, p, x = given(layer)
    y, _ = built(x)
    torch.testing.assert_close(built(1000 * x)[0], y, rtol=1e-3, atol=1e-3)
    with torch.no_grad():
        p["outer.weight"].mul_(50)
    torch.testing.assert_close(built(x)[0], y, rtol=1e-3, atol=1e-3)


@each_layer
def test_recurrent_gate_matrices_start_orthogonal(layer: LayerFactory) -> None:
    weight: Tensor = dict(layer(5, 7).named_parameters())["inner.weight"].detach()
    for gate in weight.split(7):
        torch.testing.assert_close(gate @ gate.T, torch.eye(7), rtol=0, atol=1e-5)


def test_the_gates_biases_start_in_the_norm_of_the_input_alone() -> None:
    lstm, gru = LayerNormLSTM(5, 3, forget_bias=2.0), LayerNormGRU(5, 3, keep_bias=2.0)
    assert torch.equal(lstm.outer_norm.bias.detach(), torch.tensor([0.0, 2.0, 0.0, 0.0]).repeat_interleave(3))
    assert torch.equal(gru.outer_norm.gates.bias.detach(), torch.tensor([0.0, 2.0]).repeat_interleave(3))
    for other in (lstm.inner_norm, lstm.cell_norm, gru.inner_norm.gates, gru.inner_norm.candidate):
        assert isinstance(other, nn.LayerNorm)
        assert not other.bias.any()


def test_a_memory_span_spreads_the_gates_biases() -> None:
    i, f, g, o = LayerNormLSTM(5, 300, memory_span=50).outer_norm.bias.detach().chunk(4)
    assert torch.equal(i, -f)
    assert 0 <= f.min() < 1.5
    assert 3.5 < f.max() <= torch.tensor(49.0).log()
    assert not g.any()
    assert not o.any()
    r, z = LayerNormGRU(5, 300, memory_span=50).outer_norm.gates.bias.detach().chunk(2)
    assert 0 <= z.min() < 1.5
    assert 3.5 < z.max() <= torch.tensor(49.0).log()
    assert not r.any()


@each_layer
def test_weight_dropout_uses_one_mask_for_a_whole_sequence_and_none_in_evaluation(layer: LayerFactory) -> None:
    built, _, x = given(partial(layer, weight_dropout=0.5))
    plain = layer(5, 6).double()
    plain.load_state_dict(built.state_dict())
    torch.manual_seed(1)
    y, _ = built(x)
    torch.testing.assert_close(built.eval()(x)[0], plain(x)[0])
    assert not torch.allclose(y, plain(x)[0])
    torch.manual_seed(1)
    held = plain.state_dict()
    held["inner.weight"] = nn.functional.dropout(held["inner.weight"], 0.5)
    plain.load_state_dict(held)
    torch.testing.assert_close(y, plain(x)[0])
