"""Tests that chunked linear attention equals the loop over steps, for all decays that float32 can represent."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seq2seq.recurrence.ops.linear_attention import (
    MIN_LOG_DECAY,
    scalar_decay,
    scalar_decay_step,
    vector_decay,
    vector_decay_step,
)

KEY, VALUE, HEADS = 3, 2, 2


def scalar_inputs(batch: int, time: int, seed: int, shared: bool = False) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    heads = 1 if shared else HEADS
    shapes = [(batch, heads, time, KEY)] * 2 + [(batch, HEADS, time, VALUE), (batch, HEADS, time)]
    q, k, v, log_decay = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return [q, k, v, -log_decay.exp(), torch.randn(batch, HEADS, KEY, VALUE, generator=generator, dtype=torch.float64)]


def vector_inputs(batch: int, time: int, seed: int) -> list[Tensor]:
    q, k, v, _, state = scalar_inputs(batch, time, seed)
    generator = torch.Generator().manual_seed(seed + 1)
    log_decay = -0.607 * torch.rand(batch, HEADS, time, KEY, generator=generator, dtype=torch.float64)
    return [q, k, v, log_decay, torch.randn(HEADS, KEY, generator=generator, dtype=torch.float64), state]


def looped(step: Callable[..., tuple[Tensor, Tensor]], *args: Tensor) -> tuple[Tensor, Tensor]:
    """Run a step in a loop over time; arguments without a time axis are the same in every step."""
    *sequences, state = args
    time = sequences[2].shape[2]
    outputs = []
    for t in range(time):
        y, state = step(*(x[:, :, t] if x.dim() > 2 else x for x in sequences), state)
        outputs.append(y)
    return torch.stack(outputs, dim=2), state


def assert_same_and_same_gradients(
    chunked: Callable[..., tuple[Tensor, Tensor]], step: Callable[..., tuple[Tensor, Tensor]], args: list[Tensor]
) -> None:
    args = [x.detach().requires_grad_() for x in args]
    actual, expected = chunked(*args), looped(step, *args)
    for actual_part, expected_part in zip(actual, expected, strict=True):
        torch.testing.assert_close(actual_part, expected_part)
    grads = [torch.autograd.grad(y.cos().sum() + state.sin().sum(), args) for y, state in (actual, expected)]
    for actual_grad, expected_grad in zip(*grads, strict=True):
        torch.testing.assert_close(actual_grad, expected_grad)


@settings(max_examples=25)
@given(batch=st.integers(1, 2), time=st.integers(1, 140), seed=st.integers(0, 1000), shared=st.booleans())
def test_chunks_with_scalar_decay_equal_the_loop(batch: int, time: int, seed: int, shared: bool) -> None:
    assert_same_and_same_gradients(scalar_decay, scalar_decay_step, scalar_inputs(batch, time, seed, shared))


@settings(max_examples=25)
@given(batch=st.integers(1, 2), time=st.integers(1, 140), seed=st.integers(0, 1000))
def test_chunks_with_vector_decay_equal_the_loop(batch: int, time: int, seed: int) -> None:
    assert_same_and_same_gradients(vector_decay, vector_decay_step, vector_inputs(batch, time, seed))


@pytest.mark.parametrize("log_decay", [-0.01, -1.0, -19.0, -1000.0, -1e5])
def test_float32_is_precise_with_occasional_small_scalar_decays(log_decay: float) -> None:
    args = scalar_inputs(2, 200, seed=5)
    args[3] = torch.where(torch.arange(200) % 37 == 5, log_decay, args[3].clamp(min=-0.05))
    exact, state = looped(scalar_decay_step, *args)
    args = [x.float().requires_grad_() for x in args]
    y, final_state = scalar_decay(*args)
    assert float((y - exact).abs().max() / exact.abs().max()) < 1e-4
    assert float((final_state - state).abs().max() / state.abs().max()) < 1e-4
    assert all(grad.isfinite().all() for grad in torch.autograd.grad(y.sum(), args))


@pytest.mark.parametrize("log_decay", [0.0, -0.607, -4.0])
def test_float32_is_precise_with_the_smallest_vector_decays(log_decay: float) -> None:
    args = vector_inputs(2, 200, seed=6)
    args[3] = torch.full_like(args[3], log_decay)
    exact, state = looped(vector_decay_step, *args)
    args = [x.float().requires_grad_() for x in args]
    y, final_state = vector_decay(*args)
    assert float((y - exact).abs().max() / exact.abs().max()) < 1e-4
    assert float((final_state - state).abs().max() / state.abs().max()) < 1e-4
    assert all(grad.isfinite().all() for grad in torch.autograd.grad(y.sum(), args))


def test_steps_with_zero_key_and_log_decay_keep_the_state() -> None:
    q, k, v, log_decay, state = scalar_inputs(2, 70, seed=7)
    _, final_state = scalar_decay(q, torch.zeros_like(k), v, torch.zeros_like(log_decay), state)
    torch.testing.assert_close(final_state, state, rtol=0, atol=0)


def test_minimum_decay_is_negligible_in_float32() -> None:
    assert 0 < torch.tensor(MIN_LOG_DECAY).exp() < 1e-8
