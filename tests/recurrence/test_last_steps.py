"""The last steps of rows of different lengths."""

import pytest
import torch
from torch import Tensor

from seq2seq.recurrence.ops.padding import last_step, last_steps

ROWS, SIZE = 4, 3


def expected_steps(previous: Tensor, x: Tensor, lengths: list[int]) -> Tensor:
    steps = previous.shape[1]
    rows = [torch.cat([a, b[:length]]) for a, b, length in zip(previous, x, lengths, strict=True)]
    return torch.stack([row[len(row) - steps :] for row in rows])


@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize("time", [0, 1, 2, 7])
def test_last_steps_of_each_row_follow_those_before(steps: int, time: int) -> None:
    torch.manual_seed(0)
    previous, x = torch.randn(ROWS, steps, SIZE), torch.randn(ROWS, time, SIZE)
    assert torch.equal(last_steps(previous, x, None), expected_steps(previous, x, [time] * ROWS))
    lengths = [0, time, time // 2, min(1, time)]
    assert torch.equal(last_steps(previous, x, torch.tensor(lengths)), expected_steps(previous, x, lengths))


def test_last_step_is_the_initial_one_of_an_empty_row() -> None:
    initial, x = torch.full((2, 1), 5.0), torch.tensor([[[1.0], [2.0]], [[3.0], [torch.nan]]])
    assert last_step(initial, x, None)[0].tolist() == [2.0]
    assert last_step(initial, x, torch.tensor([0, 1])).tolist() == [[5.0], [3.0]]
    assert last_step(initial, x[:, :0], torch.tensor([0, 0])).tolist() == [[5.0], [5.0]]


def test_last_step_has_the_dtype_of_the_initial_one_and_does_not_keep_the_sequence() -> None:
    x = torch.randn(2, 50, SIZE)
    for lengths in (None, torch.tensor([50, 3])):
        last = last_step(torch.zeros(2, SIZE, dtype=torch.float64), x, lengths)
        assert last.dtype == torch.float64
        last = last_step(torch.zeros(2, SIZE), x, lengths)
        assert last.untyped_storage().nbytes() <= 4 * last.numel() * last.element_size()


def test_gradient_reaches_the_last_step_of_a_row_or_its_initial_one() -> None:
    initial, x = torch.randn(2, SIZE, requires_grad=True), torch.randn(2, 4, SIZE, requires_grad=True)
    initial_grad, x_grad = torch.autograd.grad(last_step(initial, x, torch.tensor([0, 3])).sum(), (initial, x))
    assert initial_grad[:, 0].tolist() == [1.0, 0.0]
    assert x_grad[..., 0].tolist() == [[0.0] * 4, [0.0, 0.0, 1.0, 0.0]]
