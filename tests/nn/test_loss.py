"""Laws of the loss computed in pieces: it is torch's own."""

from functools import partial
from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from seq2seq.nn import loss
from seq2seq.nn.loss import Loss, cross_entropy, token_nats
from seq2seq.special_tokens import PAD

WORDS, SIZE = 11, 5


class Case(NamedTuple):
    features: Tensor
    weight: Tensor
    bias: Tensor
    targets: Tensor


def case(dtype: torch.dtype, rows: int = 3, time: int = 7) -> Case:
    torch.manual_seed(0)
    targets = torch.randint(1, WORDS, (rows, time))
    targets[:, time - 2 :] = PAD
    targets[1:2] = PAD  # a row that asks for nothing
    features, weight, bias = (
        (2 * torch.randn(*shape, dtype=dtype)).requires_grad_()
        for shape in ((rows, time, SIZE), (WORDS, SIZE), (WORDS,))
    )
    return Case(features, weight, bias, targets)


def reference(c: Case, smoothing: float = 0.0) -> Tensor:
    logits = F.linear(c.features, c.weight, c.bias).flatten(0, 1)
    return F.cross_entropy(logits, c.targets.flatten(), reduction="sum", ignore_index=PAD, label_smoothing=smoothing)


def slopes(of: Tensor, c: Case) -> tuple[Tensor, ...]:
    return torch.autograd.grad(3 * of, [c.features, c.weight, c.bias])


@pytest.mark.parametrize("chunk", [1, 2 * WORDS, 4 * WORDS + 3, 1 << 21])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("padded", [False, True], ids=["", "padded"])
def test_values_and_gradients_are_those_of_torch(
    dtype: torch.dtype, smoothing: float, chunk: int, padded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss, "CHUNK", chunk)
    monkeypatch.setattr(loss, "keeps_padding", lambda device: padded)
    c = case(dtype)
    found: Loss = cross_entropy(*c, smoothing)
    tolerance = {torch.float32: 1e-5, torch.float64: 1e-12}[dtype]
    torch.testing.assert_close(found.smoothed, reference(c, smoothing), rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(found.nats, reference(c).detach(), rtol=tolerance, atol=tolerance)
    assert found.tokens == int((c.targets != PAD).sum())
    assert not found.nats.requires_grad
    for mine, torchs in zip(slopes(found.smoothed, c), slopes(reference(c, smoothing), c), strict=True):
        torch.testing.assert_close(mine, torchs, rtol=tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_gradient_is_the_slope(smoothing: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "CHUNK", 2 * WORDS)
    *inputs, targets = case(torch.float64, rows=2, time=4)
    assert torch.autograd.gradcheck(lambda *parts: cross_entropy(*parts, targets, smoothing).smoothed, inputs)


@pytest.mark.parametrize("padded", [False, True], ids=["", "padded"])
@pytest.mark.parametrize("anything", [1e6, float("nan"), float("inf")])
def test_what_stands_on_padding_changes_nothing_and_learns_nothing(
    padded: bool, anything: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss, "keeps_padding", lambda device: padded)
    c = case(torch.float64)
    padding = c.targets == PAD
    other = c._replace(features=c.features.detach().masked_fill(padding[..., None], anything).requires_grad_())
    found, expected = cross_entropy(*other, 0.1), cross_entropy(*c, 0.1)
    torch.testing.assert_close(found, expected)
    gradients = slopes(found.smoothed, other)
    for mine, wanted in zip(gradients, slopes(expected.smoothed, c), strict=True):
        torch.testing.assert_close(mine, wanted)
    assert not gradients[0][padding].any()
    torch.testing.assert_close(nats_of(other), nats_of(c))


def nats_of(c: Case) -> Tensor:
    return token_nats(c.features, partial(F.linear, weight=c.weight, bias=c.bias), c.targets)


def test_nothing_asked_for_costs_nothing() -> None:
    c = case(torch.float32)
    c = c._replace(targets=torch.zeros_like(c.targets))
    found = cross_entropy(*c, 0.1)
    assert (float(found.smoothed.detach()), float(found.nats), found.tokens) == (0.0, 0.0, 0)
    assert all((slope == 0).all() for slope in slopes(found.smoothed, c))
    assert torch.equal(nats_of(c), torch.zeros(3, 7))


def test_the_nats_of_the_tokens_sum_to_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "CHUNK", 2 * WORDS)
    c = case(torch.float64)
    nats = nats_of(c)
    assert torch.equal(nats == 0, c.targets == PAD)
    torch.testing.assert_close(nats.sum(), reference(c))
    logits = F.linear(c.features, c.weight, c.bias).log_softmax(dim=-1)
    torch.testing.assert_close(nats[0, 3], -logits[0, 3, c.targets[0, 3]])


def test_bfloat16_autocast_stays_near_float32_with_gradients_of_each_types_own() -> None:
    c = case(torch.float32)
    exact = cross_entropy(*c, 0.1).smoothed
    with torch.autocast("cpu", torch.bfloat16):
        rough = cross_entropy(*c, 0.1).smoothed
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, exact, rtol=0.02, atol=0.02)
    for mine, other in zip(slopes(rough, c), slopes(exact, c), strict=True):
        assert mine.dtype == torch.float32
        assert float((mine - other).norm() / other.norm()) < 0.02
