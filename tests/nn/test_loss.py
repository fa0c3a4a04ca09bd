"""The chunked cross-entropy equals PyTorch's own."""

from functools import partial
from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from seq2seq.nn import loss
from seq2seq.nn.loss import Loss, cross_entropy, token_nats
from seq2seq.special_tokens import PAD

VOCAB_SIZE, SIZE = 11, 5


class Case(NamedTuple):
    features: Tensor
    weight: Tensor
    bias: Tensor
    targets: Tensor


def case(dtype: torch.dtype, rows: int = 3, time: int = 7) -> Case:
    torch.manual_seed(0)
    targets = torch.randint(1, VOCAB_SIZE, (rows, time))
    targets[:, time - 2 :] = PAD
    targets[1:2] = PAD  # a row of padding only
    features, weight, bias = (
        (2 * torch.randn(*shape, dtype=dtype)).requires_grad_()
        for shape in ((rows, time, SIZE), (VOCAB_SIZE, SIZE), (VOCAB_SIZE,))
    )
    return Case(features, weight, bias, targets)


def reference(c: Case, smoothing: float = 0.0) -> Tensor:
    logits = F.linear(c.features, c.weight, c.bias).flatten(0, 1)
    return F.cross_entropy(logits, c.targets.flatten(), reduction="sum", ignore_index=PAD, label_smoothing=smoothing)


def gradients_of(loss: Tensor, c: Case) -> tuple[Tensor, ...]:
    return torch.autograd.grad(3 * loss, [c.features, c.weight, c.bias])


@pytest.mark.parametrize("chunk", [1, 2 * VOCAB_SIZE, 4 * VOCAB_SIZE + 3, 1 << 21])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("padded", [False, True], ids=["", "padded"])
def test_values_and_gradients_equal_those_of_torch(
    dtype: torch.dtype, smoothing: float, chunk: int, padded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss, "CHUNK_LOGITS", chunk)
    monkeypatch.setattr(loss, "computes_padding", lambda device: padded)
    c = case(dtype)
    found: Loss = cross_entropy(*c, smoothing)
    tolerance = {torch.float32: 1e-5, torch.float64: 1e-12}[dtype]
    torch.testing.assert_close(found.smoothed, reference(c, smoothing), rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(found.nats, reference(c).detach(), rtol=tolerance, atol=tolerance)
    assert found.tokens == int((c.targets != PAD).sum())
    assert not found.nats.requires_grad
    for actual, expected in zip(gradients_of(found.smoothed, c), gradients_of(reference(c, smoothing), c), strict=True):
        torch.testing.assert_close(actual, expected, rtol=tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_gradient_passes_gradcheck(smoothing: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "CHUNK_LOGITS", 2 * VOCAB_SIZE)
    *inputs, targets = case(torch.float64, rows=2, time=4)
    assert torch.autograd.gradcheck(lambda *parts: cross_entropy(*parts, targets, smoothing).smoothed, inputs)


@pytest.mark.parametrize("padded", [False, True], ids=["", "padded"])
@pytest.mark.parametrize("filling", [1e6, float("nan"), float("inf")])
def test_padding_affects_no_loss_and_gets_no_gradient(
    padded: bool, filling: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss, "computes_padding", lambda device: padded)
    c = case(torch.float64)
    padding = c.targets == PAD
    other = c._replace(features=c.features.detach().masked_fill(padding[..., None], filling).requires_grad_())
    found, expected = cross_entropy(*other, 0.1), cross_entropy(*c, 0.1)
    torch.testing.assert_close(found, expected)
    gradients = gradients_of(found.smoothed, other)
    for actual, gradient in zip(gradients, gradients_of(expected.smoothed, c), strict=True):
        torch.testing.assert_close(actual, gradient)
    assert not gradients[0][padding].any()
    torch.testing.assert_close(nats_of(other), nats_of(c))


def nats_of(c: Case) -> Tensor:
    return token_nats(c.features, partial(F.linear, weight=c.weight, bias=c.bias), c.targets)


def test_only_padding_has_no_loss_and_no_gradient() -> None:
    c = case(torch.float32)
    c = c._replace(targets=torch.zeros_like(c.targets))
    found = cross_entropy(*c, 0.1)
    assert (float(found.smoothed.detach()), float(found.nats), found.tokens) == (0.0, 0.0, 0)
    assert all((gradient == 0).all() for gradient in gradients_of(found.smoothed, c))
    assert torch.equal(nats_of(c), torch.zeros(3, 7))


def test_token_nats_sum_to_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "CHUNK_LOGITS", 2 * VOCAB_SIZE)
    c = case(torch.float64)
    nats = nats_of(c)
    assert torch.equal(nats == 0, c.targets == PAD)
    torch.testing.assert_close(nats.sum(), reference(c))
    logits = F.linear(c.features, c.weight, c.bias).log_softmax(dim=-1)
    torch.testing.assert_close(nats[0, 3], -logits[0, 3, c.targets[0, 3]])


def test_bfloat16_autocast_is_close_to_float32_with_float32_gradients() -> None:
    c = case(torch.float32)
    full = cross_entropy(*c, 0.1).smoothed
    with torch.autocast("cpu", torch.bfloat16):
        half = cross_entropy(*c, 0.1).smoothed
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, full, rtol=0.02, atol=0.02)
    for actual, expected in zip(gradients_of(half, c), gradients_of(full, c), strict=True):
        assert actual.dtype == torch.float32
        assert float((actual - expected).norm() / expected.norm()) < 0.02
