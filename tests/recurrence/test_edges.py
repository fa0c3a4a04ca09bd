"""Edge cases of every layer: empty batches and sequences, first steps, and large inputs."""

from typing import Any

import pytest
import torch
from contract_cases import INPUT, KINDS, LAYERS, ROWS, SIZE, assert_equal_outcome, case, each_kind, with_continuation
from torch import Tensor

from seq2seq.recurrence import Recurrence
from seq2seq.state import flatten, select


def gradients(layer: Recurrence[Any], *outputs: Tensor) -> list[Tensor]:
    total = sum((part.sum() for part in outputs), torch.zeros(()))
    return list(torch.autograd.grad(total, list(layer.parameters()), materialize_grads=True))


@each_kind
@pytest.mark.parametrize(("rows", "steps"), [(0, 4), (ROWS, 0), (0, 0)])
@pytest.mark.parametrize("lengths", [False, True], ids=["whole", "lengths"])
def test_empty_batches_and_sequences_are_allowed(kind: str, rows: int, steps: int, lengths: bool) -> None:
    c = case(kind, torch.float32, 5)
    x = torch.zeros(rows, steps, INPUT, requires_grad=True)
    ends = torch.full((rows,), steps) if lengths else None
    for state in (None, c.layer.initial_state(rows), select(c.state, torch.arange(rows))):
        y, final_state = c.layer(x, state, ends)
        assert y.shape == (rows, steps, SIZE)
        assert all(not grad.any() for grad in gradients(c.layer, y))
        initial_state = c.layer.initial_state(rows) if state is None else state
        for final, initial in zip(flatten(final_state), flatten(initial_state), strict=True):
            assert len(final) == rows
            assert not rows or torch.equal(final, initial)
        continued, _ = c.layer(c.more[:rows], final_state)
        torch.testing.assert_close(continued, c.layer(c.more[:rows], initial_state)[0])


@each_kind
def test_rows_of_length_zero_keep_their_state(kind: str) -> None:
    c = case(kind, torch.float64, 5)
    _, state = c.layer(c.x * torch.nan, c.state, torch.zeros(ROWS, dtype=torch.long))
    torch.testing.assert_close(c.layer(c.more, state)[0], c.layer(c.more, c.state)[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
def test_first_steps_equal_the_loops(kind: str) -> None:
    """Also after a row of length zero."""
    c = case(kind, torch.float64, 5)
    lengths = torch.tensor([0, 5, 1])
    for ends in (None, lengths):
        rows = [0, 1, 2] if ends is None else [1]
        y, state = c.layer(c.x, None, ends)
        looped, loop_state = Recurrence.forward(c.layer, c.x, None, ends)
        assert_equal_outcome(with_continuation(c, y, state)[rows], with_continuation(c, looped, loop_state)[rows], c)
        assert_equal_outcome(c.layer(c.more, state)[0], c.layer(c.more, loop_state)[0], c)
    empty = select(state, torch.tensor([0]))
    torch.testing.assert_close(c.layer(c.more[:1], empty)[0], c.layer(c.more[:1])[0])


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("size", [8, 64])
@pytest.mark.parametrize("magnitude", [1e2, 1e4])
def test_large_inputs_agree_with_float64(kind: str, size: int, magnitude: float) -> None:
    """Outputs agree; gradients of saturated gates are differences of large values, but finite."""
    torch.manual_seed(1)
    layer = KINDS[kind](size, size)
    double_layer = KINDS[kind](size, size).double()
    double_layer.load_state_dict(layer.state_dict())
    steps = 3 if kind == "mogrifier" else 70  # whose loop amplifies rounding errors
    x = (magnitude * torch.randn(2, steps, size)).requires_grad_()
    y, state = layer(x)
    expected, _ = double_layer(x.double())
    assert float(((y - expected).norm() / expected.norm()).detach()) < 1e-3
    grads = torch.autograd.grad(y.cos().sum(), [x, *layer.parameters()], materialize_grads=True)
    assert all(part.isfinite().all() for part in [*flatten(state), *grads])
