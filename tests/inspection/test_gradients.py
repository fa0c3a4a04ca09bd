"""Tests of gradient norms through time."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from seq2seq.inspection import Curve, compare_curves, describe_curve, gradient_norms, summarize_norms
from seq2seq.inspection.curve import half_life, horizon, slope
from seq2seq.inspection.gradients import state_gradient_norms
from seq2seq.recurrence import GRU, LSTM, RNN, MinGRU, Recurrence, Stack
from seq2seq.recurrence.registry import registered_layers
from seq2seq.state import detach, flatten, map_state
from seq2seq.training.language_model import LanguageModel

VOCAB_SIZE, STEPS = 12, 9
LAYERS = list(registered_layers().values())


class Leaky(Recurrence[tuple[Tensor, Tensor]]):
    """h = a h + x with a known gradient, and an integer step counter without one."""

    factor = 0.5

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor]:
        return torch.zeros(batch, self.size, dtype=torch.float64), torch.zeros(batch, dtype=torch.long)

    def step(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        hidden = self.factor * state[0] + x
        return hidden, (hidden, state[1] + 1)


class ConstantState(Leaky):
    """A layer whose output does not depend on its state."""

    def step(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        return x, (torch.ones_like(state[0]), state[1])


def leaky_layer(factor: float) -> type[Leaky]:
    return type("Leaky", (Leaky,), {"factor": factor})


def language_model(layer: Any = LSTM, depth: int = 1, **options: Any) -> LanguageModel:
    torch.manual_seed(1)
    return LanguageModel(VOCAB_SIZE, layer, size=8, depth=depth, **options).double().eval()


def token_windows(windows: int = 3, tokens: int = STEPS + 1) -> Tensor:
    return torch.randint(4, VOCAB_SIZE, (windows, tokens), generator=torch.Generator().manual_seed(2))


def norms_of(model: LanguageModel, ids: Tensor, steps: int) -> Tensor:
    """Return the norms for the loss of the last token."""
    return gradient_norms(model, ids[:, :-1], ids[:, -1], steps)


@given(st.floats(-1.5, 1.5), st.integers(1, 12))
def test_linear_layer_gradient_decays_with_its_factor(factor: float, steps: int) -> None:
    stack = Stack(2, 2, [leaky_layer(factor)])
    x = torch.randn(3, steps, 2, dtype=torch.float64)
    norms = state_gradient_norms(stack, x, lambda y: y[:, 0].sum(), steps)
    expected = torch.tensor([abs(factor) ** k for k in range(1, steps + 1)], dtype=torch.float64)
    torch.testing.assert_close(norms, expected.expand(1, 3, steps))


def test_two_linear_layers_sum_over_their_paths() -> None:
    """The upper state affects the loss directly, the lower one through the upper state of every later step."""
    a, b = 0.5, 0.8
    stack = Stack(1, 1, [leaky_layer(a), leaky_layer(b)])
    norms = state_gradient_norms(stack, torch.randn(2, 6, 1, dtype=torch.float64), lambda y: y.sum(), 6)
    for k in range(1, 7):
        below = sum(a**i * b ** (k - i) for i in range(1, k + 1))
        torch.testing.assert_close(norms[:, :, k - 1], torch.tensor([[below] * 2, [b**k] * 2], dtype=torch.float64))


def test_unused_state_has_no_gradient() -> None:
    stack = Stack(1, 1, [ConstantState])
    with pytest.raises(RuntimeError, match="does not require grad"):
        state_gradient_norms(stack, torch.randn(2, 4, 1), lambda y: y.sum(), 4)
    stack = Stack(1, 1, [ConstantState, leaky_layer(1.0)])
    norms = state_gradient_norms(stack, torch.randn(2, 4, 1).double(), lambda y: y.sum(), 4)
    assert norms[0].tolist() == [[0.0] * 4] * 2
    assert norms[1].tolist() == [[1.0] * 4] * 2


@pytest.mark.parametrize("layer", [RNN, LSTM, GRU, MinGRU])
@pytest.mark.parametrize("depth", [1, 2])
def test_norms_equal_gradients_of_a_detached_state(layer: Any, depth: int) -> None:
    """The last loss of the second part is differentiated with respect to the detached state of the first part."""
    model, ids = language_model(layer, depth), token_windows()
    norms = norms_of(model, ids, STEPS)
    for k in range(1, STEPS):
        with torch.no_grad():
            _, state = model(ids[:, : STEPS - k])
        leaf = map_state(lambda part: part.detach().requires_grad_(), detach(state))
        y, _ = model(ids[:, STEPS - k : STEPS], leaf)
        cross_entropy(model.output.linear(y[:, -1]), ids[:, -1], reduction="sum").backward()
        for layer_index, part in enumerate(leaf):
            gradient = torch.cat([tensor.grad.flatten(1) for tensor in flatten(part)], dim=1)
            torch.testing.assert_close(norms[layer_index, k - 1], gradient.norm(dim=1).mean())


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.__name__)
def test_every_layer_has_gradient_norms(layer: Any) -> None:
    """Whether the state consists of vectors, matrices, or all previous keys and values."""
    torch.manual_seed(1)
    model, ids = LanguageModel(VOCAB_SIZE, layer, size=64, depth=2), token_windows()
    norms = norms_of(model, ids, 5)
    assert norms.shape == (2, 5)
    assert bool(norms.isfinite().all())
    assert bool((norms > 0).all())
    torch.testing.assert_close(norms_of(model, ids.flip(0), 5), norms)


def test_tokens_before_the_steps_are_read() -> None:
    ids = token_windows(tokens=STEPS + 6)
    model = language_model(GRU)
    torch.testing.assert_close(norms_of(model, ids, 4), norms_of(model, ids, STEPS)[:, :4])
    assert not torch.allclose(norms_of(model, ids, 4), norms_of(model, ids[:, -5:], 4))


def test_norms_are_averaged_over_windows() -> None:
    model, ids = language_model(LSTM, 2), token_windows(windows=19)
    separate = torch.stack([norms_of(model, row[None], STEPS) for row in ids])
    torch.testing.assert_close(norms_of(model, ids, STEPS), separate.mean(dim=0))


def test_model_is_unchanged() -> None:
    """In training mode, with dropout, or frozen."""
    model = language_model(RNN, dropout=0.5, tied=False).float().train()
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    first = norms_of(model, token_windows(), STEPS)
    assert first.dtype == torch.float64
    assert torch.equal(first, norms_of(model, token_windows(), STEPS))
    assert model.training
    assert all(weight.requires_grad and weight.grad is None for weight in model.parameters())
    assert all(torch.equal(weight, weights[name]) for name, weight in model.state_dict().items())
    with torch.inference_mode(False), torch.no_grad():
        assert torch.equal(first, norms_of(model.requires_grad_(False), token_windows(), STEPS))


def test_orthogonal_rnn_in_linear_regime_preserves_the_gradient() -> None:
    """Near zero tanh is the identity, and an orthogonal matrix changes no length (Saxe et al., 2014)."""
    model = language_model(RNN, tied=False)
    with torch.no_grad():
        model.embedding.weight.mul_(1e-6)
    norms = norms_of(model, token_windows(tokens=101), 100)[0]
    torch.testing.assert_close(norms, norms[:1].expand(100), atol=0.0, rtol=1e-5)


def test_more_steps_than_tokens_are_rejected() -> None:
    with pytest.raises(ValueError, match="10 steps need windows of at least 10 tokens, and these have 9"):
        norms_of(language_model(), token_windows(), STEPS + 1)


@given(st.floats(0.05, 0.995), st.floats(1e-8, 1e8), st.integers(3, 400))
def test_half_life_and_horizon_of_an_exponential(factor: float, first: float, steps: int) -> None:
    norms = [first * factor**k for k in range(steps)]
    assert half_life(norms) == pytest.approx(math.log(0.5) / math.log(factor), rel=1e-6)
    crossing = 1 + math.log(0.01) / math.log(factor)
    if abs(crossing - round(crossing)) > 1e-6:
        assert horizon(norms) == min(steps, math.floor(crossing))


@given(st.floats(1.0, 3.0), st.integers(2, 100))
def test_growing_norms_have_no_half_life(factor: float, steps: int) -> None:
    norms = [factor**k for k in range(steps)]
    assert half_life(norms) > 1e6  # rounding errors may give a tiny negative slope
    assert horizon(norms) == steps
    assert slope(norms) == pytest.approx(math.log2(factor), abs=1e-9)
    assert summarize_norms(norms).peak == pytest.approx(factor ** (steps - 1))


def make_curve(norms: list[float], label: str = "a") -> Curve:
    return Curve(label, "a.ckpt", True, "characters", [norms])


@pytest.mark.parametrize(
    ("norms", "expected"),
    [
        (
            [0.5 ** (k / 6) for k in range(300)],
            "halves every 6.0 characters: less than 1 % is left beyond 40 characters",
        ),
        (
            [0.5 ** (k / 100) for k in range(301)],
            "halves every 100 characters, does not fade out within 301 characters: 12 %",
        ),
        ([1.0] * 300, "does not fade out within 300 characters: 100 % is left there"),
        ([1.001**k for k in range(301)], "does not fade within 301 characters: at the end it is 1.3 times what it was"),
        (
            [1.1**k for k in range(301)],
            "grows 2.6-fold every 10 steps, to 2.6e+12 times what it was: gradients explode",
        ),
        ([1.0, 2.0, math.nan, 1.0], "the gradient is not finite from 3 characters back on: the weights have diverged"),
        ([1.0, math.inf], "the gradient is not finite from 2 characters back on"),
        ([math.nan] * 3, "the gradient is not finite from 1 characters back on"),
        ([0.0] * 3, "no gradient reaches any state"),
        ([1.0, 0.0, 0.0], "less than 1 % is left beyond 1 characters"),
        ([1.0], "does not fade out within 1 characters: 100 % is left there"),
    ],
)
def test_curve_description(norms: list[float], expected: str) -> None:
    assert describe_curve(make_curve(norms)).startswith(expected)


def test_furthest_layer_is_described() -> None:
    short, long = [0.5**k for k in range(100)], [0.9**k for k in range(100)]
    description = describe_curve(Curve("a", "a.ckpt", True, "words", [short, long]))
    assert description.startswith(
        "layer 2 of 2 reaches furthest: halves every 6.6 words: less than 1 % is left beyond 44 words"
    )


def test_exploding_models_are_excluded_from_the_comparison() -> None:
    short, long = make_curve([0.5**k for k in range(100)], "short"), make_curve([0.9**k for k in range(100)], "long")
    exploding = make_curve([2.0**k for k in range(100)], "wild")
    level = make_curve([1.0] * 100, "level")
    expected = "furthest: long, after training: 44 characters. shortest: short, after training: 7 characters"
    assert compare_curves([short, exploding, long]) == expected
    assert "furthest: level, after training: 100 characters and more" in str(compare_curves([level, short]))
    assert compare_curves([short, short]) == "all reach 7 characters"
    assert compare_curves([exploding, long]) is None
