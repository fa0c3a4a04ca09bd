"""The laws of every layer at its edges: nothing to read, a first step, and numbers that are large."""

from typing import Any

import pytest
import torch
from contract_cases import INPUT, KINDS, LAYERS, ROWS, SIZE, assert_equal_outcome, case, each_kind, then
from torch import Tensor

from seq2seq.recurrence import Recurrence
from seq2seq.state import flatten, select


def slopes(layer: Recurrence[Any], *of: Tensor) -> list[Tensor]:
    total = sum((part.sum() for part in of), torch.zeros(()))
    return list(torch.autograd.grad(total, list(layer.parameters()), materialize_grads=True))


@each_kind
@pytest.mark.parametrize(("rows", "steps"), [(0, 4), (ROWS, 0), (0, 0)])
@pytest.mark.parametrize("lengths", [False, True], ids=["whole", "lengths"])
def test_empty_batches_and_empty_sequences_are_lawful(kind: str, rows: int, steps: int, lengths: bool) -> None:
    c = case(kind, torch.float32, 5)
    x = torch.zeros(rows, steps, INPUT, requires_grad=True)
    ends = torch.full((rows,), steps) if lengths else None
    for state in (None, c.layer.initial_state(rows), select(c.state, torch.arange(rows))):
        y, after = c.layer(x, state, ends)
        assert y.shape == (rows, steps, SIZE)
        assert all(not slope.any() for slope in slopes(c.layer, y))
        before = c.layer.initial_state(rows) if state is None else state
        for new, old in zip(flatten(after), flatten(before), strict=True):
            assert len(new) == rows
            assert not rows or torch.equal(new, old)
        more, _ = c.layer(c.more[:rows], after)
        torch.testing.assert_close(more, c.layer(c.more[:rows], before)[0])


@each_kind
def test_rows_that_are_all_empty_keep_their_state(kind: str) -> None:
    c = case(kind, torch.float64, 5)
    _, state = c.layer(c.x * torch.nan, c.state, torch.zeros(ROWS, dtype=torch.long))
    torch.testing.assert_close(c.layer(c.more, state)[0], c.layer(c.more, c.state)[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_first_steps_of_all_are_those_of_the_loop(kind: str) -> None:
    """Also where a row has nothing to read at first."""
    c = case(kind, torch.float64, 5)
    lengths = torch.tensor([0, 5, 1])
    for ends in (None, lengths):
        rows = [0, 1, 2] if ends is None else [1]
        y, state = c.layer(c.x, None, ends)
        looped, other = Recurrence.forward(c.layer, c.x, None, ends)
        assert_equal_outcome(then(c, y, state)[rows], then(c, looped, other)[rows], c)
        assert_equal_outcome(c.layer(c.more, state)[0], c.layer(c.more, other)[0], c)
    empty = select(state, torch.tensor([0]))
    torch.testing.assert_close(c.layer(c.more[:1], empty)[0], c.layer(c.more[:1])[0])


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("size", [8, 64])
@pytest.mark.parametrize("magnitude", [1e2, 1e4])
def test_inputs_that_are_large_give_what_float64_gives(kind: str, size: int, magnitude: float) -> None:
    """The outputs agree; the slopes of what is saturated are differences of large numbers, but finite."""
    torch.manual_seed(1)
    layer = KINDS[kind](size, size)
    wide = KINDS[kind](size, size).double()
    wide.load_state_dict(layer.state_dict())
    steps = 3 if kind == "mogrifier" else 70  # a loop that amplifies what was rounded
    x = (magnitude * torch.randn(2, steps, size)).requires_grad_()
    y, state = layer(x)
    expected, _ = wide(x.double())
    assert float(((y - expected).norm() / expected.norm()).detach()) < 1e-3
    found = torch.autograd.grad(y.cos().sum(), [x, *layer.parameters()], materialize_grads=True)
    assert all(part.isfinite().all() for part in [*flatten(state), *found])
