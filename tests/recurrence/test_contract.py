"""The contract of every recurrent layer."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from contract_cases import (
    INPUT,
    LAYERS,
    LENGTHS,
    ROWS,
    SIZE,
    TOLERANCE,
    assert_equal_outcome,
    assert_same,
    case,
    each_dtype,
    each_kind,
    gradients,
    with_continuation,
)
from torch import Tensor

from seq2seq.recurrence import Recurrence
from seq2seq.state import detach, flatten, repeat, select


def has_own_forward(kind: str) -> bool:
    """Return whether a layer defines forward instead of inheriting the loop over its steps."""
    return type(LAYERS[kind](INPUT, SIZE)).forward is not Recurrence.forward


def check_loop(kind: str, dtype: torch.dtype, length: int) -> None:
    c = case(kind, dtype, length)
    looped = Recurrence.forward(c.layer, c.x, c.state)
    assert_equal_outcome(with_continuation(c, *c.layer(c.x, c.state)), with_continuation(c, *looped), c)


def check_split(kind: str, dtype: torch.dtype, length: int) -> None:
    c = case(kind, dtype, length)
    whole = with_continuation(c, *c.layer(c.x, c.state))
    for split in {1, length // 2, length - 1} & set(range(1, length)):
        first, state = c.layer(c.x[:, :split], c.state)
        second, state = c.layer(c.x[:, split:], state)
        assert_equal_outcome(with_continuation(c, torch.cat([first, second], dim=1), state), whole, c)


Forward = Callable[..., tuple[Tensor, Any]]


def check_padding(kind: str, dtype: torch.dtype, length: int, forward: Forward | None = None) -> None:
    c = case(kind, dtype, length)
    ends = [0, length, (length + 1) // 2]
    with torch.no_grad():
        for row, end in enumerate(ends):
            c.x[row, end:] = [torch.nan, 100.0, -torch.inf][row]  # padding may have any value
    y, state = (forward or type(c.layer).forward)(c.layer, c.x, c.state, torch.tensor(ends))
    continued, _ = c.layer(c.more, state)
    batched, single = [], []
    for row, end in enumerate(ends):
        index = torch.tensor([row])
        batched += [y[row, :end], continued[row]]
        row_y, row_state = c.x.new_empty(1, 0, SIZE), select(c.state, index)
        if end:
            row_y, row_state = c.layer(c.x[index, :end], row_state)
        single += [row_y[0], c.layer(c.more[index], row_state)[0][0]]
    assert_equal_outcome(torch.cat(batched), torch.cat(single), c)


@each_kind
@each_dtype
@pytest.mark.parametrize("length", LENGTHS)
def test_forward_equals_a_loop_of_steps(kind: str, dtype: torch.dtype, length: int) -> None:
    check_loop(kind, dtype, length)


@each_kind
@each_dtype
@pytest.mark.parametrize("length", LENGTHS[1:])
def test_two_parts_equal_the_whole_sequence(kind: str, dtype: torch.dtype, length: int) -> None:
    check_split(kind, dtype, length)


@each_kind
@each_dtype
@pytest.mark.parametrize("length", LENGTHS)
def test_padding_changes_neither_outputs_nor_later_ones(kind: str, dtype: torch.dtype, length: int) -> None:
    check_padding(kind, dtype, length)


@each_kind
def test_padding_changes_nothing_in_the_plain_loop(kind: str) -> None:
    check_padding(kind, torch.float64, 9, Recurrence.forward)


@pytest.mark.parametrize("kind", [kind for kind in LAYERS if has_own_forward(kind)])
@each_dtype
def test_final_state_of_every_length_equals_the_loops(kind: str, dtype: torch.dtype) -> None:
    """A loop of 257 steps contains every shorter one."""
    c = case(kind, dtype, LENGTHS[-1])
    with torch.no_grad():
        states, outputs, state = [], [], c.state
        for x_t in c.x.unbind(1):
            y, state = c.layer.step(x_t, state)
            outputs.append(y)
            states.append(state)
        looped = torch.stack(outputs, dim=1)
        for length, state in enumerate(states, start=1):
            y, final_state = c.layer(c.x[:, :length], c.state)
            assert_same(y, looped[:, :length])
            assert_same(c.layer(c.more[:, :2], final_state)[0], c.layer(c.more[:, :2], state)[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "dtype"),
    # LayerNorm over eight features amplifies float32's rounding errors step by step
    [(kind, dtype) for kind in LAYERS for dtype in TOLERANCE if dtype == torch.float64 or not kind.startswith("norm")],
    ids=str,
)
def test_outputs_and_gradients_for_every_length(kind: str, dtype: torch.dtype) -> None:
    for length in range(1, 258):
        check_loop(kind, dtype, length)
        check_split(kind, dtype, length)
        check_padding(kind, dtype, length)


@each_kind
@each_dtype
def test_select_and_repeat_move_rows_of_a_state(kind: str, dtype: torch.dtype) -> None:
    c = case(kind, dtype, 6)
    y, state = c.layer(c.x, c.state)
    rows = torch.tensor([2, 0, 0, 1])
    selected = with_continuation(c._replace(more=c.more[rows]), y[rows], select(state, rows))
    assert_equal_outcome(selected, with_continuation(c, y, state)[rows], c)
    repeated = with_continuation(
        c._replace(more=c.more.repeat_interleave(2, 0)), y.repeat_interleave(2, 0), repeat(state, 2)
    )
    assert_equal_outcome(repeated, with_continuation(c, y, state).repeat_interleave(2, 0), c)


@each_kind
@each_dtype
@pytest.mark.parametrize("length", [2, 33, 65])
def test_layer_is_causal(kind: str, dtype: torch.dtype, length: int) -> None:
    c = case(kind, dtype, length)
    y, _ = c.layer(c.x, c.state)
    for t in {0, (length - 1) // 2, length - 2}:
        (grad,) = torch.autograd.grad(y[:, t].sum(), c.x, retain_graph=True)
        assert grad[:, t + 1 :].abs().max() == 0
        assert grad[:, t].abs().max() > 0
        other = c.x.detach().clone()
        other[:, t + 1 :] += 3 * torch.randn_like(other[:, t + 1 :])
        changed, _ = c.layer(other, c.state)
        assert_same(changed[:, : t + 1], y[:, : t + 1])
        assert (changed[:, t + 1 :] - y[:, t + 1 :]).abs().max() > 1e-3


@each_kind
@each_dtype
def test_detach_stops_the_gradient_and_nothing_else(kind: str, dtype: torch.dtype) -> None:
    c = case(kind, dtype, 5)
    _, state = c.layer(c.x, c.state)
    carried, _ = c.layer(c.more, state)
    detached, _ = c.layer(c.more, detach(state))
    assert_same(detached, carried)
    carried_grad, *_ = gradients(carried, c)
    detached_grad, *parameter_grads = gradients(detached, c)
    assert carried_grad.abs().max() > 0
    assert detached_grad.abs().max() == 0
    assert all(grad.abs().max() > 0 for grad in parameter_grads[:2])


@each_kind
def test_state_has_one_row_for_each_row_of_the_batch(kind: str) -> None:
    c = case(kind, torch.float32, 2)
    _, state = c.layer(c.x, None)
    for part in [*flatten(c.layer.initial_state(ROWS)), *flatten(state)]:
        assert len(part) == ROWS


@each_kind
def test_default_state_is_the_initial_state(kind: str) -> None:
    c = case(kind, torch.float64, 3)
    assert_equal_outcome(
        with_continuation(c, *c.layer(c.x)), with_continuation(c, *c.layer(c.x, c.layer.initial_state(ROWS))), c
    )


@each_kind
def test_bfloat16_autocast_is_close_to_float32(kind: str) -> None:
    c = case(kind, torch.float32, 33)
    lengths = torch.tensor([33, 20, 0])
    exact, state = c.layer(c.x, c.state, lengths)
    expected = [exact[0], exact[1, :20], *c.layer(c.more, state)[0]]
    with torch.autocast("cpu", torch.bfloat16):
        y, state = c.layer(c.x, c.state, lengths)
        actual = [y[0], y[1, :20], *c.layer(c.more, state)[0]]
        looped, _ = Recurrence.forward(c.layer, c.x, c.state)
    assert_near(torch.cat(actual), torch.cat(expected))
    assert_near(looped[0], exact[0])
    assert all(grad.isfinite().all() for grad in gradients(torch.cat(actual), c))


def assert_near(actual: Tensor, expected: Tensor) -> None:
    assert float(((actual.float() - expected).norm() / expected.norm()).detach()) < 0.03
