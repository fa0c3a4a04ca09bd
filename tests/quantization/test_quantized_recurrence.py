"""Rounded layers are the plain ones to rounding, whole and step by step."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seq2seq.quantization.int8_recurrence import Int8GRU, Int8LSTM
from seq2seq.quantization.linear import BFloat16Linear, Int8Linear
from seq2seq.quantization.recurrence import BFloat16Layer, QuantizedGRU, QuantizedLSTM, QuantizedRNN
from seq2seq.recurrence import GRU, LSTM, RNN, Recurrence
from seq2seq.state import flatten

PAIRS = [
    pytest.param(LSTM, QuantizedLSTM, id="lstm"),
    pytest.param(GRU, QuantizedGRU, id="gru"),
    pytest.param(RNN, QuantizedRNN, id="rnn"),
    pytest.param(partial(RNN, nonlinearity="relu"), QuantizedRNN, id="relu"),
]
PLAIN: dict[type, Any] = {LSTM: QuantizedLSTM, GRU: QuantizedGRU, RNN: QuantizedRNN}
SIZE, INPUT = 24, 10
lengths = torch.tensor([7, 0, 3])


@pytest.fixture
def x() -> Tensor:
    torch.manual_seed(2)
    return torch.randn(3, 7, INPUT)


def made(layer: Callable[[int, int], Recurrence[Any]]) -> Recurrence[Any]:
    torch.manual_seed(1)
    return layer(INPUT, SIZE).eval().requires_grad_(False)


def unrounded(linear: nn.Linear) -> nn.Linear:
    """The layer as it is, with a buffer, as rounded ones have."""
    linear.register_buffer("here", torch.zeros(1))
    return linear


@pytest.mark.parametrize(("plain", "rounded"), PAIRS)
def test_without_rounding_it_is_the_plain_layer(plain: Any, rounded: Any, x: Tensor) -> None:
    layer = made(plain)
    same = rounded(layer, unrounded)
    for given in (None, lengths):
        y, state = layer(x, None, given)
        z, other = same(x, None, given)
        rows = slice(None) if given is None else [0]
        torch.testing.assert_close(z[rows], y[rows], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(flatten(other), flatten(state), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("rounding", [BFloat16Linear, Int8Linear])
@pytest.mark.parametrize(("plain", "rounded"), PAIRS)
def test_it_is_near_the_plain_layer_and_steps_as_it_reads(plain: Any, rounded: Any, rounding: Any, x: Tensor) -> None:
    layer = made(plain)
    rough = rounded(layer, rounding)
    y, state = rough(x)
    torch.testing.assert_close(y, layer(x)[0], atol=0.1, rtol=0.05)
    now = rough.initial_state(3)
    for t in range(7):
        said, now = rough.step(x[:, t], now)
        torch.testing.assert_close(said, y[:, t], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(flatten(now), flatten(state), atol=1e-6, rtol=1e-5)


def read_by(kind: str, layer: Any) -> Recurrence[Any]:
    """The layer with its weights rounded in one of the ways that there are."""
    by: dict[str, Callable[[Any], Recurrence[Any]]] = {
        "kernel": Int8LSTM if isinstance(layer, LSTM) else Int8GRU,
        "int8": lambda layer: PLAIN[type(layer)](layer, Int8Linear),
        "bf16": lambda layer: PLAIN[type(layer)](layer, BFloat16Linear),
        "whole": BFloat16Layer,
    }
    return by[kind](layer)


WAYS = [
    pytest.param(way, kind.values[0], id=f"{way}-{kind.id}")
    for way in ("kernel", "int8", "bf16", "whole")
    for kind in PAIRS
    if way != "kernel" or kind.id in ("lstm", "gru")
]


@pytest.mark.parametrize(("way", "plain"), WAYS)
@pytest.mark.parametrize("padding", [float("nan"), float("inf"), float("-inf"), 1e38])
def test_padding_may_hold_anything(way: str, plain: Any, padding: float, x: Tensor) -> None:
    layer = read_by(way, made(plain))
    _, state = layer(torch.randn(3, 2, INPUT))
    real = torch.arange(7) < lengths[:, None]
    filled = [x.masked_fill(~real[..., None], filling) for filling in (0.0, padding)]
    (expected, before), (y, after) = (layer(given, state, lengths) for given in filled)
    assert torch.equal(y[real], expected[real])
    assert y.isfinite().all()
    torch.testing.assert_close(flatten(after), flatten(before), rtol=0, atol=0)
    for part, old in zip(flatten(after), flatten(state), strict=True):
        assert torch.equal(part[1], old[1])


@pytest.mark.parametrize(("way", "plain"), WAYS)
@pytest.mark.parametrize(("rows", "steps"), [(0, 4), (3, 0), (0, 0)])
@pytest.mark.parametrize("given", [False, True], ids=["whole", "lengths"])
def test_there_may_be_no_rows_and_no_steps(way: str, plain: Any, rows: int, steps: int, given: bool) -> None:
    layer = read_by(way, made(plain))
    _, state = layer(torch.randn(rows, 2, INPUT))
    y, after = layer(torch.zeros(rows, steps, INPUT), state, torch.full((rows,), steps) if given else None)
    assert y.shape == (rows, steps, SIZE)
    torch.testing.assert_close(flatten(after), flatten(state), rtol=0, atol=0)
    assert layer.step(torch.zeros(rows, INPUT), after)[0].shape == (rows, SIZE)


@pytest.mark.parametrize(("plain", "rounded"), PAIRS)
def test_in_bfloat16_a_layer_reads_what_it_did_before(plain: Any, rounded: Any, x: Tensor) -> None:
    layer = made(plain)
    half = BFloat16Layer(made(plain))
    for given in (None, lengths):
        y, state = half(x, half.initial_state(3), given)
        expected, before = layer(x, None, given)
        assert y.dtype == torch.float32
        torch.testing.assert_close(y[0], expected[0], atol=0.1, rtol=0.05)
        torch.testing.assert_close(flatten(state), flatten(before), atol=0.1, rtol=0.05)
