"""A memory in chunks is the memory step by step, in the decays that float32 can hold."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seq2seq.recurrence.ops.linear_attention import (
    LOWEST,
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
    q, k, v, decay = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return [q, k, v, -decay.exp(), torch.randn(batch, HEADS, KEY, VALUE, generator=generator, dtype=torch.float64)]


def vector_inputs(batch: int, time: int, seed: int) -> list[Tensor]:
    q, k, v, _, state = scalar_inputs(batch, time, seed)
    generator = torch.Generator().manual_seed(seed + 1)
    decay = -0.607 * torch.rand(batch, HEADS, time, KEY, generator=generator, dtype=torch.float64)
    return [q, k, v, decay, torch.randn(HEADS, KEY, generator=generator, dtype=torch.float64), state]


def looped(step: Callable[..., tuple[Tensor, Tensor]], *given: Tensor) -> tuple[Tensor, Tensor]:
    """The plain form: one step after the other. What has no time is the same in each."""
    *sequences, state = given
    time = sequences[2].shape[2]
    outputs = []
    for t in range(time):
        y, state = step(*(x[:, :, t] if x.dim() > 2 else x for x in sequences), state)
        outputs.append(y)
    return torch.stack(outputs, dim=2), state


def assert_same_and_same_gradients(
    form: Callable[..., tuple[Tensor, Tensor]], step: Callable[..., tuple[Tensor, Tensor]], given: list[Tensor]
) -> None:
    given = [x.detach().requires_grad_() for x in given]
    ours, plain = form(*given), looped(step, *given)
    for one, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(one, other)
    slopes = [torch.autograd.grad(y.cos().sum() + state.sin().sum(), given) for y, state in (ours, plain)]
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(one, other)


@settings(max_examples=25)
@given(batch=st.integers(1, 2), time=st.integers(1, 140), seed=st.integers(0, 1000), shared=st.booleans())
def test_chunks_with_one_decay_a_head_are_the_loop(batch: int, time: int, seed: int, shared: bool) -> None:
    assert_same_and_same_gradients(scalar_decay, scalar_decay_step, scalar_inputs(batch, time, seed, shared))


@settings(max_examples=25)
@given(batch=st.integers(1, 2), time=st.integers(1, 140), seed=st.integers(0, 1000))
def test_chunks_with_one_decay_a_feature_are_the_loop(batch: int, time: int, seed: int) -> None:
    assert_same_and_same_gradients(vector_decay, vector_decay_step, vector_inputs(batch, time, seed))


@pytest.mark.parametrize("lowest", [-0.01, -1.0, -19.0, -1000.0, -1e5])
def test_float32_holds_a_head_that_forgets_all_now_and_then(lowest: float) -> None:
    given = scalar_inputs(2, 200, seed=5)
    given[3] = torch.where(torch.arange(200) % 37 == 5, lowest, given[3].clamp(min=-0.05))
    exact, state = looped(scalar_decay_step, *given)
    given = [x.float().requires_grad_() for x in given]
    ours, after = scalar_decay(*given)
    assert float((ours - exact).abs().max() / exact.abs().max()) < 1e-4
    assert float((after - state).abs().max() / state.abs().max()) < 1e-4
    assert all(slope.isfinite().all() for slope in torch.autograd.grad(ours.sum(), given))


@pytest.mark.parametrize("lowest", [0.0, -0.607, -4.0])
def test_float32_holds_features_that_decay_as_fast_as_they_may(lowest: float) -> None:
    given = vector_inputs(2, 200, seed=6)
    given[3] = torch.full_like(given[3], lowest)
    exact, state = looped(vector_decay_step, *given)
    given = [x.float().requires_grad_() for x in given]
    ours, after = vector_decay(*given)
    assert float((ours - exact).abs().max() / exact.abs().max()) < 1e-4
    assert float((after - state).abs().max() / state.abs().max()) < 1e-4
    assert all(slope.isfinite().all() for slope in torch.autograd.grad(ours.sum(), given))


def test_a_step_of_nothing_changes_nothing() -> None:
    q, k, v, decay, state = scalar_inputs(2, 70, seed=7)
    _, after = scalar_decay(q, torch.zeros_like(k), v, torch.zeros_like(decay), state)
    torch.testing.assert_close(after, state, rtol=0, atol=0)


def test_what_is_lost_to_the_lowest_decay_is_beyond_float32() -> None:
    assert 0 < torch.tensor(LOWEST).exp() < 1e-8
