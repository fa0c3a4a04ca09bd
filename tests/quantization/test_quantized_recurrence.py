"""Quantized recurrent layers equal the float32 ones up to rounding, in whole sequences and step by step."""

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
QUANTIZED: dict[type, Any] = {LSTM: QuantizedLSTM, GRU: QuantizedGRU, RNN: QuantizedRNN}
SIZE, INPUT = 24, 10
lengths = torch.tensor([7, 0, 3])


@pytest.fixture
def x() -> Tensor:
    torch.manual_seed(2)
    return torch.randn(3, 7, INPUT)


def build(layer: Callable[[int, int], Recurrence[Any]]) -> Recurrence[Any]:
    torch.manual_seed(1)
    return layer(INPUT, SIZE).eval().requires_grad_(False)


def with_buffer(linear: nn.Linear) -> nn.Linear:
    """Return the layer in float32, with a buffer, as quantized ones have."""
    linear.register_buffer("buffer", torch.zeros(1))
    return linear


@pytest.mark.parametrize(("layer_class", "quantized_class"), PAIRS)
def test_without_quantization_it_equals_the_layer(layer_class: Any, quantized_class: Any, x: Tensor) -> None:
    layer = build(layer_class)
    unquantized = quantized_class(layer, with_buffer)
    for row_lengths in (None, lengths):
        expected, expected_state = layer(x, None, row_lengths)
        y, state = unquantized(x, None, row_lengths)
        rows = slice(None) if row_lengths is None else [0]
        torch.testing.assert_close(y[rows], expected[rows], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(flatten(state), flatten(expected_state), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("quantize_linear", [BFloat16Linear, Int8Linear])
@pytest.mark.parametrize(("layer_class", "quantized_class"), PAIRS)
def test_it_is_near_the_layer_and_steps_equal_the_sequence(
    layer_class: Any, quantized_class: Any, quantize_linear: Any, x: Tensor
) -> None:
    layer = build(layer_class)
    quantized = quantized_class(layer, quantize_linear)
    y, final_state = quantized(x)
    torch.testing.assert_close(y, layer(x)[0], atol=0.1, rtol=0.05)
    state = quantized.initial_state(3)
    for t in range(7):
        output, state = quantized.step(x[:, t], state)
        torch.testing.assert_close(output, y[:, t], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(flatten(state), flatten(final_state), atol=1e-6, rtol=1e-5)


def quantize_by(method: str, layer: Any) -> Recurrence[Any]:
    """Return the layer, quantized by one of the methods."""
    methods: dict[str, Callable[[Any], Recurrence[Any]]] = {
        "kernel": Int8LSTM if isinstance(layer, LSTM) else Int8GRU,
        "int8": lambda layer: QUANTIZED[type(layer)](layer, Int8Linear),
        "bf16": lambda layer: QUANTIZED[type(layer)](layer, BFloat16Linear),
        "bf16-sequence": BFloat16Layer,
    }
    return methods[method](layer)


METHODS = [
    pytest.param(method, pair.values[0], id=f"{method}-{pair.id}")
    for method in ("kernel", "int8", "bf16", "bf16-sequence")
    for pair in PAIRS
    if method != "kernel" or pair.id in ("lstm", "gru")
]


@pytest.mark.parametrize(("method", "layer_class"), METHODS)
@pytest.mark.parametrize("padding", [float("nan"), float("inf"), float("-inf"), 1e38])
def test_padding_is_ignored(method: str, layer_class: Any, padding: float, x: Tensor) -> None:
    layer = quantize_by(method, build(layer_class))
    _, state = layer(torch.randn(3, 2, INPUT))
    mask = torch.arange(7) < lengths[:, None]
    padded = [x.masked_fill(~mask[..., None], value) for value in (0.0, padding)]
    (expected, expected_state), (y, final_state) = (layer(inputs, state, lengths) for inputs in padded)
    assert torch.equal(y[mask], expected[mask])
    assert y.isfinite().all()
    torch.testing.assert_close(flatten(final_state), flatten(expected_state), rtol=0, atol=0)
    for final, initial in zip(flatten(final_state), flatten(state), strict=True):
        assert torch.equal(final[1], initial[1])


@pytest.mark.parametrize(("method", "layer_class"), METHODS)
def test_gates_are_near_those_of_the_layer(method: str, layer_class: Any, x: Tensor) -> None:
    layer, quantized = build(layer_class), quantize_by(method, build(layer_class))
    _, state = layer(x[:, :3])
    gates = quantized.named_gates(x[:, 3], state)
    expected = layer.named_gates(x[:, 3], state)
    assert gates.keys() == expected.keys()
    for name, gate in gates.items():
        assert gate.dtype == torch.float32
        torch.testing.assert_close(gate, expected[name], atol=0.03, rtol=0.03)
    _, next_state = quantized.step(x[:, 3], state)
    if isinstance(layer, LSTM):
        hidden = gates["output"] * (gates["forget"] * state.cell + gates["input"] * gates["cell"]).tanh()
        torch.testing.assert_close(next_state.hidden, hidden, atol=0.02, rtol=0.02)
    elif isinstance(layer, GRU):
        hidden = gates["candidate"] + gates["update"] * (state - gates["candidate"])
        torch.testing.assert_close(next_state, hidden, atol=0.02, rtol=0.02)


@pytest.mark.parametrize(("method", "layer_class"), METHODS)
@pytest.mark.parametrize(("rows", "steps"), [(0, 4), (3, 0), (0, 0)])
@pytest.mark.parametrize("with_lengths", [False, True], ids=["whole", "lengths"])
def test_empty_batches_and_sequences(method: str, layer_class: Any, rows: int, steps: int, with_lengths: bool) -> None:
    layer = quantize_by(method, build(layer_class))
    _, state = layer(torch.randn(rows, 2, INPUT))
    y, final_state = layer(torch.zeros(rows, steps, INPUT), state, torch.full((rows,), steps) if with_lengths else None)
    assert y.shape == (rows, steps, SIZE)
    torch.testing.assert_close(flatten(final_state), flatten(state), rtol=0, atol=0)
    assert layer.step(torch.zeros(rows, INPUT), final_state)[0].shape == (rows, SIZE)


@pytest.mark.parametrize(("layer_class", "quantized_class"), PAIRS)
def test_a_bfloat16_layer_is_near_the_float32_one(layer_class: Any, quantized_class: Any, x: Tensor) -> None:
    layer = build(layer_class)
    bf16_layer = BFloat16Layer(build(layer_class))
    for row_lengths in (None, lengths):
        y, state = bf16_layer(x, bf16_layer.initial_state(3), row_lengths)
        expected, expected_state = layer(x, None, row_lengths)
        assert y.dtype == torch.float32
        torch.testing.assert_close(y[0], expected[0], atol=0.1, rtol=0.05)
        torch.testing.assert_close(flatten(state), flatten(expected_state), atol=0.1, rtol=0.05)
