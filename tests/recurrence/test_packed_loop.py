"""Tests that a loop with packed weights has the values and gradients of the plain loop."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from seq2seq.recurrence import GRU, LSTM, BlockConfig, LayerFactory, MinGRU, Recurrence, Stack
from seq2seq.recurrence.ops.lstm_cell import LSTMCell
from seq2seq.recurrence.ops.packed_loop import MIN_PACKED_SIZE, PackedLoop, packed_loop

LAYERS: dict[str, LayerFactory] = {
    "lstm": LSTM,
    "lstm with weight dropout": partial(LSTM, weight_dropout=0.5),
    "gru": GRU,
    "mingru": MinGRU,
    "stack": partial(Stack, layers=[LSTM, MinGRU], block=BlockConfig(norm=True, residual=True, feed_forward=2.0)),
}
ROWS, TIME, SIZE = 3, 5, 6


def run_loop(layer: Recurrence, x: Tensor) -> Tensor:
    torch.manual_seed(1)
    y, _ = Recurrence.forward(layer, x)
    return y


def run_packed_loop(layer: Recurrence, x: Tensor) -> Tensor:
    with PackedLoop():
        return run_loop(layer, x)


def module_and_input(layer: LayerFactory, dtype: torch.dtype) -> tuple[Recurrence, Tensor]:
    torch.manual_seed(0)
    module = layer(SIZE, SIZE)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module.to(dtype), torch.randn(ROWS, TIME, SIZE, dtype=dtype, requires_grad=True)


def gradients(y: Tensor, x: Tensor, layer: Recurrence) -> tuple[Tensor, ...]:
    return torch.autograd.grad(y.sin().sum(), [x, *layer.parameters()], retain_graph=True)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_values_and_gradients_equal_the_plain_loop(layer: LayerFactory, dtype: torch.dtype) -> None:
    module, x = module_and_input(layer, dtype)
    plain, packed = run_loop(module, x), run_packed_loop(module, x)
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5}[dtype]
    torch.testing.assert_close(packed, plain, rtol=tolerance, atol=tolerance)
    for actual, expected in zip(gradients(packed, x, module), gradients(plain, x, module), strict=True):
        torch.testing.assert_close(actual, expected, rtol=10 * tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_autocast_dtype_is_respected(layer: LayerFactory) -> None:
    module, x = module_and_input(layer, torch.float32)
    exact = run_loop(module, x)
    with torch.autocast("cpu", torch.bfloat16):
        plain, packed = run_loop(module, x), run_packed_loop(module, x)
    assert packed.dtype == plain.dtype
    torch.testing.assert_close(packed.float(), exact, rtol=0.05, atol=0.05)
    for actual, expected in zip(gradients(packed, x, module), gradients(exact, x, module), strict=True):
        assert actual.dtype == expected.dtype
        torch.testing.assert_close(actual, expected, rtol=0.1, atol=0.1 * float(expected.abs().max()))


@pytest.mark.parametrize("run", [run_loop, run_packed_loop], ids=["plain", "packed"])
def test_gradient_is_the_numerical_one(run: Callable[[Recurrence, Tensor], Tensor]) -> None:
    module, x = module_and_input(LSTM, torch.float64)
    assert torch.autograd.gradcheck(lambda x, *_: run(module, x), [x, *module.parameters()])


def test_gradient_of_the_cell_is_the_numerical_one() -> None:
    gates, cell = (torch.randn(ROWS, size, dtype=torch.float64, requires_grad=True) for size in (4 * SIZE, SIZE))
    assert torch.autograd.gradcheck(LSTMCell.apply, [gates, cell])


def test_repeated_backward_gives_the_same_gradients() -> None:
    module, x = module_and_input(LSTM, torch.float64)
    y = run_packed_loop(module, x)
    [input_grad] = torch.autograd.grad(y.sin().sum(), x, retain_graph=True)
    first, second = gradients(y, x, module), gradients(y, x, module)
    assert torch.equal(input_grad, first[0])
    assert all(map(torch.equal, first, second))


def test_unused_steps_do_not_contribute_to_the_gradient() -> None:
    module, x = module_and_input(LSTM, torch.float64)
    plain, packed = (run(module, x)[:, :2] for run in (run_loop, run_packed_loop))
    for actual, expected in zip(gradients(packed, x, module), gradients(plain, x, module), strict=True):
        torch.testing.assert_close(actual, expected)


def test_weight_modified_before_backward_is_refused() -> None:
    layer = nn.Linear(SIZE, SIZE)
    with PackedLoop():
        y = layer(torch.randn(ROWS, SIZE, requires_grad=True))
    with torch.no_grad():
        layer.weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_linear_layers_with_and_without_bias_get_gradients() -> None:
    x = torch.randn(ROWS, TIME, SIZE)
    for bias in (True, False):
        layer = nn.Linear(SIZE, 2, bias)
        with PackedLoop():
            y = layer(x) + layer(2 * x)
        actual = torch.autograd.grad(y.sin().sum(), list(layer.parameters()))
        expected = torch.autograd.grad((layer(x) + layer(2 * x)).sin().sum(), list(layer.parameters()))
        for actual_grad, expected_grad in zip(actual, expected, strict=True):
            torch.testing.assert_close(actual_grad, expected_grad)


def test_only_large_layers_on_a_cpu_are_packed() -> None:
    for size, device, expected in (
        (MIN_PACKED_SIZE, "cpu", True),
        (MIN_PACKED_SIZE - 1, "cpu", False),
        (MIN_PACKED_SIZE, "meta", False),
    ):
        assert isinstance(packed_loop(torch.empty(ROWS, TIME, size, device=device)), PackedLoop) == expected
