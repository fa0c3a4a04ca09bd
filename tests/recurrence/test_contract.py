"""The laws of every layer that carries memory through time."""

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
    then,
)
from torch import Tensor

from seq2seq.recurrence import Recurrence
from seq2seq.state import detach, flatten, repeat, select


def has_a_form_of_its_own(kind: str) -> bool:
    """Whether a layer's forward is more than the loop over its steps."""
    return type(LAYERS[kind](INPUT, SIZE)).forward is not Recurrence.forward


def check_loop(kind: str, dtype: torch.dtype, length: int) -> None:
    c = case(kind, dtype, length)
    looped = Recurrence.forward(c.layer, c.x, c.state)
    assert_equal_outcome(then(c, *c.layer(c.x, c.state)), then(c, *looped), c)


def check_halves(kind: str, dtype: torch.dtype, length: int) -> None:
    c = case(kind, dtype, length)
    whole = then(c, *c.layer(c.x, c.state))
    for cut in {1, length // 2, length - 1} & set(range(1, length)):
        first, state = c.layer(c.x[:, :cut], c.state)
        second, state = c.layer(c.x[:, cut:], state)
        assert_equal_outcome(then(c, torch.cat([first, second], dim=1), state), whole, c)


Forward = Callable[..., tuple[Tensor, Any]]


def check_padding(kind: str, dtype: torch.dtype, length: int, forward: Forward | None = None) -> None:
    c = case(kind, dtype, length)
    ends = [0, length, (length + 1) // 2]
    with torch.no_grad():
        for row, end in enumerate(ends):
            c.x[row, end:] = [torch.nan, 100.0, -torch.inf][row]  # padding may hold anything
    y, state = (forward or type(c.layer).forward)(c.layer, c.x, c.state, torch.tensor(ends))
    after, _ = c.layer(c.more, state)
    together, alone = [], []
    for row, end in enumerate(ends):
        one = torch.tensor([row])
        together += [y[row, :end], after[row]]
        mine, own = c.x.new_empty(1, 0, SIZE), select(c.state, one)
        if end:
            mine, own = c.layer(c.x[one, :end], own)
        alone += [mine[0], c.layer(c.more[one], own)[0][0]]
    assert_equal_outcome(torch.cat(together), torch.cat(alone), c)


@each_kind
@each_dtype
@pytest.mark.parametrize("length", LENGTHS)
def test_forward_equals_a_loop_of_steps(kind: str, dtype: torch.dtype, length: int) -> None:
    check_loop(kind, dtype, length)


@each_kind
@each_dtype
@pytest.mark.parametrize("length", LENGTHS[1:])
def test_two_halves_equal_the_whole(kind: str, dtype: torch.dtype, length: int) -> None:
    check_halves(kind, dtype, length)


@each_kind
@each_dtype
@pytest.mark.parametrize("length", LENGTHS)
def test_padding_changes_nothing_now_or_afterwards(kind: str, dtype: torch.dtype, length: int) -> None:
    check_padding(kind, dtype, length)


@each_kind
def test_padding_changes_nothing_in_the_plain_loop_either(kind: str) -> None:
    check_padding(kind, torch.float64, 9, Recurrence.forward)


@pytest.mark.parametrize("kind", [kind for kind in LAYERS if has_a_form_of_its_own(kind)])
@each_dtype
def test_every_length_ends_where_the_loop_does(kind: str, dtype: torch.dtype) -> None:
    """One loop of 257 steps is every shorter one too."""
    c = case(kind, dtype, LENGTHS[-1])
    with torch.no_grad():
        states, outputs, state = [], [], c.state
        for now in c.x.unbind(1):
            y, state = c.layer.step(now, state)
            outputs.append(y)
            states.append(state)
        looped = torch.stack(outputs, dim=1)
        for length, state in enumerate(states, start=1):
            y, after = c.layer(c.x[:, :length], c.state)
            assert_same(y, looped[:, :length])
            assert_same(c.layer(c.more[:, :2], after)[0], c.layer(c.more[:, :2], state)[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "dtype"),
    # a norm over eight features amplifies a rounding of float32 over and over, whatever computes it
    [(kind, dtype) for kind in LAYERS for dtype in TOLERANCE if dtype == torch.float64 or not kind.startswith("norm")],
    ids=str,
)
def test_all_laws_and_gradients_hold_for_every_length(kind: str, dtype: torch.dtype) -> None:
    for length in range(1, 258):
        check_loop(kind, dtype, length)
        check_halves(kind, dtype, length)
        check_padding(kind, dtype, length)


@each_kind
@each_dtype
def test_rows_move_with_select_and_repeat(kind: str, dtype: torch.dtype) -> None:
    c = case(kind, dtype, 6)
    y, state = c.layer(c.x, c.state)
    rows = torch.tensor([2, 0, 0, 1])
    moved = then(c._replace(more=c.more[rows]), y[rows], select(state, rows))
    assert_equal_outcome(moved, then(c, y, state)[rows], c)
    copied = then(c._replace(more=c.more.repeat_interleave(2, 0)), y.repeat_interleave(2, 0), repeat(state, 2))
    assert_equal_outcome(copied, then(c, y, state).repeat_interleave(2, 0), c)


@each_kind
@each_dtype
@pytest.mark.parametrize("length", [2, 33, 65])
def test_no_input_reaches_back_in_time(kind: str, dtype: torch.dtype, length: int) -> None:
    c = case(kind, dtype, length)
    y, _ = c.layer(c.x, c.state)
    for t in {0, (length - 1) // 2, length - 2}:
        (slope,) = torch.autograd.grad(y[:, t].sum(), c.x, retain_graph=True)
        assert slope[:, t + 1 :].abs().max() == 0
        assert slope[:, t].abs().max() > 0
        other = c.x.detach().clone()
        other[:, t + 1 :] += 3 * torch.randn_like(other[:, t + 1 :])
        changed, _ = c.layer(other, c.state)
        assert_same(changed[:, : t + 1], y[:, : t + 1])
        assert (changed[:, t + 1 :] - y[:, t + 1 :]).abs().max() > 1e-3


@each_kind
@each_dtype
def test_detach_cuts_the_gradient_and_nothing_else(kind: str, dtype: torch.dtype) -> None:
    c = case(kind, dtype, 5)
    _, state = c.layer(c.x, c.state)
    carried, _ = c.layer(c.more, state)
    cut, _ = c.layer(c.more, detach(state))
    assert_same(cut, carried)
    through, *_ = gradients(carried, c)
    stopped, *parameters = gradients(cut, c)
    assert through.abs().max() > 0
    assert stopped.abs().max() == 0
    assert all(slope.abs().max() > 0 for slope in parameters[:2])


@each_kind
def test_the_state_holds_one_row_for_each_row_read(kind: str) -> None:
    c = case(kind, torch.float32, 2)
    _, state = c.layer(c.x, None)
    for part in [*flatten(c.layer.initial_state(ROWS)), *flatten(state)]:
        assert len(part) == ROWS


@each_kind
def test_nothing_given_is_the_initial_state(kind: str) -> None:
    c = case(kind, torch.float64, 3)
    assert_equal_outcome(then(c, *c.layer(c.x)), then(c, *c.layer(c.x, c.layer.initial_state(ROWS))), c)


@each_kind
def test_bfloat16_autocast_runs_and_stays_near_float32(kind: str) -> None:
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
    assert all(slope.isfinite().all() for slope in gradients(torch.cat(actual), c))


def assert_near(rough: Tensor, exact: Tensor) -> None:
    assert float(((rough.float() - exact).norm() / exact.norm()).detach()) < 0.03
