"""Tests that each implementation of the scan equals the plain loop, for any decay."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seq2seq.recurrence.ops.scan import MIN_SEQUENTIAL_ELEMENTS, blocked_scan, reference_scan, scan, sequential_scan

IMPLEMENTATIONS = [sequential_scan, blocked_scan]


def inputs(batch: int, time: int, size: int, seed: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a, b, initial = (
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((batch, time, size), (batch, time, size), (batch, size))
    )
    return [x.to(dtype).requires_grad_() for x in (torch.sigmoid(3 * a), b, initial)]


def gradients(y: Tensor, args: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad((y * torch.arange(y.numel()).view_as(y).cos()).sum(), args)


@settings(max_examples=40)
@given(batch=st.integers(1, 3), time=st.integers(1, 130), size=st.integers(1, 5), seed=st.integers(0, 1000))
def test_scan_and_gradients_equal_the_loop(batch: int, time: int, size: int, seed: int) -> None:
    args = inputs(batch, time, size, seed)
    actual, expected = scan(*args), reference_scan(*args)
    torch.testing.assert_close(actual, expected)
    for grad, expected_grad in zip(gradients(actual, args), gradients(expected, args), strict=True):
        torch.testing.assert_close(grad, expected_grad)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 33, 4), (3, 64, 2), (2, 257, 3)])
def test_each_implementation_equals_the_loop_and_keeps_its_arguments(
    implementation: Callable[..., Tensor], shape: tuple[int, int, int]
) -> None:
    args = [x.detach() for x in inputs(*shape, seed=1)]
    copies = [x.clone() for x in args]
    torch.testing.assert_close(implementation(*args), reference_scan(*args))
    assert all(map(torch.equal, args, copies))


@pytest.mark.parametrize("batch", [1, MIN_SEQUENTIAL_ELEMENTS // 8])
def test_float32_is_precise_with_extreme_decays(batch: int) -> None:
    a, b, initial = inputs(batch, 300, 8, seed=2, dtype=torch.float32)
    for decay in (0.0, 1e-30, 3e-4, 1.0):
        args = [torch.full_like(a, decay).requires_grad_(), b, initial]
        double_args = [x.detach().double().requires_grad_() for x in args]
        y, expected_y = scan(*args), reference_scan(*double_args)
        pairs = [(y, expected_y), *zip(gradients(y, args), gradients(expected_y, double_args), strict=True)]
        for actual, expected in pairs:
            assert actual.isfinite().all()
            error, scale = (actual - expected).detach().abs().max(), expected.detach().abs().max().clamp(min=1)
            assert float(error / scale) < 1e-5


def test_decays_above_one_and_below_zero_are_allowed() -> None:
    a, b, initial = inputs(2, 70, 3, seed=3)
    torch.testing.assert_close(scan(2.2 * a - 1.1, b, initial), reference_scan(2.2 * a - 1.1, b, initial))


def test_second_derivatives_are_refused() -> None:
    args = inputs(1, 5, 2, seed=4)
    (grad,) = torch.autograd.grad(scan(*args).sum(), args[:1], create_graph=True)
    with pytest.raises(RuntimeError):
        grad.sum().backward()
