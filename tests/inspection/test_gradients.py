"""Laws of the gradient's reach."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from seq2seq import recurrence
from seq2seq.inspection import Curve, comparison, fading, reach, sentence
from seq2seq.inspection.fading import half_life, horizon, slope
from seq2seq.inspection.gradients import state_gradients
from seq2seq.models import LanguageModel
from seq2seq.recurrence import GRU, LSTM, RNN, Bidirectional, MinGRU, Recurrence, Stack
from seq2seq.state import detach, flatten, map_state

WORDS, STEPS = 12, 9
NAMED = [getattr(recurrence, name) for name in recurrence.__all__]
KINDS = [kind for kind in NAMED if isinstance(kind, type) and issubclass(kind, Recurrence)]
LAYERS = [kind for kind in KINDS if kind not in (Bidirectional, Recurrence, Stack)]


class Leaky(Recurrence[tuple[Tensor, Tensor]]):
    """h = a h + x, whose gradient is known, beside a clock, which has none."""

    factor = 0.5

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor]:
        return torch.zeros(batch, self.size, dtype=torch.float64), torch.zeros(batch, dtype=torch.long)

    def step(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        hidden = self.factor * state[0] + x
        return hidden, (hidden, state[1] + 1)


class Fixed(Leaky):
    """The same beside a number that nothing depends on."""

    def step(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        return x, (torch.ones_like(state[0]), state[1])


def leaky(factor: float) -> type[Leaky]:
    return type("Leaky", (Leaky,), {"factor": factor})


def model(layer: Any = LSTM, depth: int = 1, **options: Any) -> LanguageModel:
    torch.manual_seed(1)
    return LanguageModel(WORDS, layer, size=8, depth=depth, **options).double().eval()


def text(windows: int = 3, tokens: int = STEPS + 1) -> Tensor:
    return torch.randint(4, WORDS, (windows, tokens), generator=torch.Generator().manual_seed(2))


@given(st.floats(-1.5, 1.5), st.integers(1, 12))
def test_a_linear_layer_fades_with_its_own_factor(factor: float, steps: int) -> None:
    stack = Stack(2, 2, [leaky(factor)])
    x = torch.randn(3, steps, 2, dtype=torch.float64)
    norms = state_gradients(stack, x, lambda y: y[:, 0].sum(), steps)
    wanted = torch.tensor([abs(factor) ** k for k in range(1, steps + 1)], dtype=torch.float64)
    torch.testing.assert_close(norms, wanted.expand(1, 3, steps))


def test_two_linear_layers_have_the_norms_of_their_paths() -> None:
    """The upper state reaches the loss by itself, the lower one at every step after it and then through the upper."""
    a, b = 0.5, 0.8
    stack = Stack(1, 1, [leaky(a), leaky(b)])
    norms = state_gradients(stack, torch.randn(2, 6, 1, dtype=torch.float64), lambda y: y.sum(), 6)
    for k in range(1, 7):
        below = sum(a**i * b ** (k - i) for i in range(1, k + 1))
        torch.testing.assert_close(norms[:, :, k - 1], torch.tensor([[below] * 2, [b**k] * 2], dtype=torch.float64))


def test_a_state_that_nothing_depends_on_has_no_gradient() -> None:
    stack = Stack(1, 1, [Fixed])
    with pytest.raises(RuntimeError, match="does not require grad"):
        state_gradients(stack, torch.randn(2, 4, 1), lambda y: y.sum(), 4)
    stack = Stack(1, 1, [Fixed, leaky(1.0)])
    norms = state_gradients(stack, torch.randn(2, 4, 1).double(), lambda y: y.sum(), 4)
    assert norms[0].tolist() == [[0.0] * 4] * 2
    assert norms[1].tolist() == [[1.0] * 4] * 2


@pytest.mark.parametrize("layer", [RNN, LSTM, GRU, MinGRU])
@pytest.mark.parametrize("depth", [1, 2])
def test_the_norms_are_those_of_a_text_that_is_cut_in_two(layer: Any, depth: int) -> None:
    """The first half hands its state over as a leaf, and the second half's last loss is differentiated by it."""
    one, ids = model(layer, depth), text()
    found = reach(one, ids, STEPS)
    for k in range(1, STEPS):
        with torch.no_grad():
            _, state = one(ids[:, : STEPS - k])
        leaf = map_state(lambda part: part.detach().requires_grad_(), detach(state))
        y, _ = one(ids[:, STEPS - k : STEPS], leaf)
        cross_entropy(one.output(y[:, -1]), ids[:, -1], reduction="sum").backward()
        for number, part in enumerate(leaf):
            gradient = torch.cat([tensor.grad.flatten(1) for tensor in flatten(part)], dim=1)
            torch.testing.assert_close(found[number, k - 1], gradient.norm(dim=1).mean())


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.__name__)
def test_every_layer_can_be_looked_at(layer: Any) -> None:
    """Whatever it remembers: vectors, matrices, or all that it has read."""
    torch.manual_seed(1)
    one, ids = LanguageModel(WORDS, layer, size=64, depth=2), text()
    norms = reach(one, ids, 5)
    assert norms.shape == (2, 5)
    assert bool(norms.isfinite().all())
    assert bool((norms > 0).all())
    torch.testing.assert_close(reach(one, ids.flip(0), 5), norms)


def test_what_stands_before_the_steps_is_read() -> None:
    ids = text(tokens=STEPS + 6)
    one = model(GRU)
    torch.testing.assert_close(reach(one, ids, 4), reach(one, ids, STEPS)[:, :4])
    assert not torch.allclose(reach(one, ids, 4), reach(one, ids[:, -5:], 4))


def test_windows_are_averaged_however_many_there_are() -> None:
    one, ids = model(LSTM, 2), text(windows=19)
    apart = torch.stack([reach(one, row[None], STEPS) for row in ids])
    torch.testing.assert_close(reach(one, ids, STEPS), apart.mean(dim=0))


def test_a_model_is_left_as_it_was() -> None:
    """Whether it is learning, drops something, or was frozen."""
    one = model(RNN, dropout=0.5, tied=False).float().train()
    before = {name: weight.clone() for name, weight in one.state_dict().items()}
    first = reach(one, text(), STEPS)
    assert first.dtype == torch.float64
    assert torch.equal(first, reach(one, text(), STEPS))
    assert one.training
    assert all(weight.requires_grad and weight.grad is None for weight in one.parameters())
    assert all(torch.equal(weight, before[name]) for name, weight in one.state_dict().items())
    with torch.inference_mode(False), torch.no_grad():
        assert torch.equal(first, reach(one.requires_grad_(False), text(), STEPS))


def test_an_orthogonal_rnn_in_its_linear_regime_keeps_the_whole_gradient() -> None:
    """Near zero tanh is the identity, and an orthogonal matrix changes no length (Saxe et al., 2014)."""
    one = model(RNN, tied=False)
    with torch.no_grad():
        one.embedding.weight.mul_(1e-6)
    norms = reach(one, text(tokens=101), 100)[0]
    torch.testing.assert_close(norms, norms[:1].expand(100), atol=0.0, rtol=1e-5)


def test_more_steps_than_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match="10 steps need windows of at least 11 tokens, and theirs are 10"):
        reach(model(), text(), STEPS + 1)


@given(st.floats(0.05, 0.995), st.floats(1e-8, 1e8), st.integers(3, 400))
def test_an_exponential_has_its_half_life_and_its_horizon(factor: float, first: float, steps: int) -> None:
    norms = [first * factor**k for k in range(steps)]
    assert half_life(norms) == pytest.approx(math.log(0.5) / math.log(factor), rel=1e-6)
    exact = 1 + math.log(0.01) / math.log(factor)
    if abs(exact - round(exact)) > 1e-6:
        assert horizon(norms) == min(steps, math.floor(exact))


@given(st.floats(1.0, 3.0), st.integers(2, 100))
def test_what_grows_has_no_half_life(factor: float, steps: int) -> None:
    norms = [factor**k for k in range(steps)]
    assert half_life(norms) > 1e6  # a level line may fall by what rounding leaves
    assert horizon(norms) == steps
    assert slope(norms) == pytest.approx(math.log2(factor), abs=1e-9)
    assert fading(norms).peak == pytest.approx(factor ** (steps - 1))


def curve(norms: list[float], label: str = "a") -> Curve:
    return Curve(label, "a.ckpt", True, "characters", [norms])


@pytest.mark.parametrize(
    ("norms", "said"),
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
        ([1.0, 2.0, math.nan, 1.0], "the gradient is no number from 3 characters back on: the weights have diverged"),
        ([1.0, math.inf], "the gradient is no number from 2 characters back on"),
        ([math.nan] * 3, "the gradient is no number from 1 characters back on"),
        ([0.0] * 3, "no gradient reaches a state at all"),
        ([1.0, 0.0, 0.0], "less than 1 % is left beyond 1 characters"),
        ([1.0], "does not fade out within 1 characters: 100 % is left there"),
    ],
)
def test_a_sentence_says_what_the_norms_mean(norms: list[float], said: str) -> None:
    assert sentence(curve(norms)).startswith(said)


def test_the_layer_that_reaches_furthest_speaks() -> None:
    short, long = [0.5**k for k in range(100)], [0.9**k for k in range(100)]
    said = sentence(Curve("a", "a.ckpt", True, "words", [short, long]))
    assert said.startswith(
        "layer 2 of 2 reaches furthest: halves every 6.6 words: less than 1 % is left beyond 44 words"
    )


def test_models_are_compared_except_those_that_explode() -> None:
    short, long = curve([0.5**k for k in range(100)], "short"), curve([0.9**k for k in range(100)], "long")
    wild = curve([2.0**k for k in range(100)], "wild")
    level = curve([1.0] * 100, "level")
    said = "furthest: long, after training: 44 characters. shortest: short, after training: 7 characters"
    assert comparison([short, wild, long]) == said
    assert "furthest: level, after training: 100 characters and more" in str(comparison([level, short]))
    assert comparison([short, short]) == "all reach 7 characters"
    assert comparison([wild, long]) is None
