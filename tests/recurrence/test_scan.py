"""The scan is the loop, whatever way it takes, however much is forgotten."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seq2seq.recurrence.ops.scan import WIDE, in_blocks, in_order, reference_scan, scan

WAYS = [in_order, in_blocks]


def inputs(batch: int, time: int, size: int, seed: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    a, b, start = (
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((batch, time, size), (batch, time, size), (batch, size))
    )
    return [x.to(dtype).requires_grad_() for x in (torch.sigmoid(3 * a), b, start)]


def gradients(scanned: Tensor, given: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad((scanned * torch.arange(scanned.numel()).view_as(scanned).cos()).sum(), given)


@settings(max_examples=40)
@given(batch=st.integers(1, 3), time=st.integers(1, 130), size=st.integers(1, 5), seed=st.integers(0, 1000))
def test_a_scan_and_its_gradient_are_the_loop(batch: int, time: int, size: int, seed: int) -> None:
    given = inputs(batch, time, size, seed)
    ours, plain = scan(*given), reference_scan(*given)
    torch.testing.assert_close(ours, plain)
    for one, other in zip(gradients(ours, given), gradients(plain, given), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 33, 4), (3, 64, 2), (2, 257, 3)])
def test_each_way_is_the_loop_and_leaves_what_it_is_given(
    way: Callable[..., Tensor], shape: tuple[int, int, int]
) -> None:
    given = [x.detach() for x in inputs(*shape, seed=1)]
    before = [x.clone() for x in given]
    torch.testing.assert_close(way(*given), reference_scan(*given))
    assert all(map(torch.equal, given, before))


@pytest.mark.parametrize("batch", [1, WIDE // 8])
def test_float32_loses_nothing_when_almost_all_is_forgotten_or_kept(batch: int) -> None:
    a, b, start = inputs(batch, 300, 8, seed=2, dtype=torch.float32)
    for decay in (0.0, 1e-30, 3e-4, 1.0):
        given = [torch.full_like(a, decay).requires_grad_(), b, start]
        exact = [x.detach().double().requires_grad_() for x in given]
        ours, wanted = scan(*given), reference_scan(*exact)
        pairs = [(ours, wanted), *zip(gradients(ours, given), gradients(wanted, exact), strict=True)]
        for one, other in pairs:
            assert one.isfinite().all()
            error, scale = (one - other).detach().abs().max(), other.detach().abs().max().clamp(min=1)
            assert float(error / scale) < 1e-5


def test_decays_above_one_and_below_zero_are_decays_too() -> None:
    a, b, start = inputs(2, 70, 3, seed=3)
    torch.testing.assert_close(scan(2.2 * a - 1.1, b, start), reference_scan(2.2 * a - 1.1, b, start))


def test_no_gradient_is_asked_twice() -> None:
    given = inputs(1, 5, 2, seed=4)
    (slope,) = torch.autograd.grad(scan(*given).sum(), given[:1], create_graph=True)
    with pytest.raises(RuntimeError):
        slope.sum().backward()
