"""Laws of a loop whose weights are packed: it computes what it did before, and learns the same."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from seq2seq.recurrence import GRU, LSTM, LayerFactory, MinGRU, Recurrence, Stack
from seq2seq.recurrence.ops.lstm_cell import LSTMCell
from seq2seq.recurrence.ops.packed_loop import WIDE, PackedLoop, packed_loop

LAYERS: dict[str, LayerFactory] = {
    "lstm": LSTM,
    "lstm with dropped weights": partial(LSTM, weight_dropout=0.5),
    "gru": GRU,
    "mingru": MinGRU,
    "stack": partial(Stack, layers=[LSTM, MinGRU], norm=True, residual=True, feed_forward=2.0),
}
ROWS, TIME, SIZE = 3, 5, 6


def read(layer: Recurrence, x: Tensor) -> Tensor:
    torch.manual_seed(1)
    y, _ = Recurrence.forward(layer, x)
    return y


def read_unrolled(layer: Recurrence, x: Tensor) -> Tensor:
    with PackedLoop():
        return read(layer, x)


def given(layer: LayerFactory, dtype: torch.dtype) -> tuple[Recurrence, Tensor]:
    torch.manual_seed(0)
    built = layer(SIZE, SIZE)
    for parameter in built.parameters():
        nn.init.normal_(parameter, std=0.5)
    return built.to(dtype), torch.randn(ROWS, TIME, SIZE, dtype=dtype, requires_grad=True)


def slopes(y: Tensor, x: Tensor, layer: Recurrence) -> tuple[Tensor, ...]:
    return torch.autograd.grad(y.sin().sum(), [x, *layer.parameters()], retain_graph=True)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_values_and_gradients_stay(layer: LayerFactory, dtype: torch.dtype) -> None:
    built, x = given(layer, dtype)
    plain, fast = read(built, x), read_unrolled(built, x)
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5}[dtype]
    torch.testing.assert_close(fast, plain, rtol=tolerance, atol=tolerance)
    for mine, expected in zip(slopes(fast, x, built), slopes(plain, x, built), strict=True):
        torch.testing.assert_close(mine, expected, rtol=10 * tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_the_autocast_type_holds(layer: LayerFactory) -> None:
    built, x = given(layer, torch.float32)
    exact = read(built, x)
    with torch.autocast("cpu", torch.bfloat16):
        plain, fast = read(built, x), read_unrolled(built, x)
    assert fast.dtype == plain.dtype
    torch.testing.assert_close(fast.float(), exact, rtol=0.05, atol=0.05)
    for mine, expected in zip(slopes(fast, x, built), slopes(exact, x, built), strict=True):
        assert mine.dtype == expected.dtype
        torch.testing.assert_close(mine, expected, rtol=0.1, atol=0.1 * float(expected.abs().max()))


@pytest.mark.parametrize("reads", [read, read_unrolled], ids=["plain", "unrolled"])
def test_the_gradient_is_the_slope(reads: Callable[[Recurrence, Tensor], Tensor]) -> None:
    built, x = given(LSTM, torch.float64)
    assert torch.autograd.gradcheck(lambda x, *_: reads(built, x), [x, *built.parameters()])


def test_the_cell_has_the_slope_of_its_values() -> None:
    gates, before = (torch.randn(ROWS, size, dtype=torch.float64, requires_grad=True) for size in (4 * SIZE, SIZE))
    assert torch.autograd.gradcheck(LSTMCell.apply, [gates, before])


def test_a_gradient_asked_for_again_is_the_same_again() -> None:
    built, x = given(LSTM, torch.float64)
    y = read_unrolled(built, x)
    [alone] = torch.autograd.grad(y.sin().sum(), x, retain_graph=True)
    first, second = slopes(y, x, built), slopes(y, x, built)
    assert torch.equal(alone, first[0])
    assert all(map(torch.equal, first, second))


def test_steps_that_led_nowhere_teach_nothing() -> None:
    built, x = given(LSTM, torch.float64)
    plain, fast = (reads(built, x)[:, :2] for reads in (read, read_unrolled))
    for mine, expected in zip(slopes(fast, x, built), slopes(plain, x, built), strict=True):
        torch.testing.assert_close(mine, expected)


def test_a_weight_changed_before_the_backward_pass_is_refused() -> None:
    layer = nn.Linear(SIZE, SIZE)
    with PackedLoop():
        y = layer(torch.randn(ROWS, SIZE, requires_grad=True))
    with torch.no_grad():
        layer.weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_bias_is_learnt_where_there_is_one() -> None:
    x = torch.randn(ROWS, TIME, SIZE)
    for bias in (True, False):
        layer = nn.Linear(SIZE, 2, bias)
        with PackedLoop():
            y = layer(x) + layer(2 * x)
        mine = torch.autograd.grad(y.sin().sum(), list(layer.parameters()))
        expected = torch.autograd.grad((layer(x) + layer(2 * x)).sin().sum(), list(layer.parameters()))
        for some, other in zip(mine, expected, strict=True):
            torch.testing.assert_close(some, other)


def test_only_wide_steps_on_a_processor_are_unrolled() -> None:
    for size, device, expected in ((WIDE, "cpu", True), (WIDE - 1, "cpu", False), (WIDE, "meta", False)):
        assert isinstance(packed_loop(torch.empty(ROWS, TIME, size, device=device)), PackedLoop) == expected
