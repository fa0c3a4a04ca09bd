"""Laws of planned batches: their order is fixed, and a position is what was handed out, not what was read ahead."""

import io
import multiprocessing
import random
import time
from typing import Any

import numpy as np
import pytest
import torch

from seq2seq.data.batches import Batches, ResumableLoader

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")

LENGTH = 7
MADE = multiprocessing.Value("i", 0)


def shuffled(epoch: int) -> list[int]:
    return random.Random(epoch).sample(range(LENGTH), LENGTH)


def make(epoch: int, item: int) -> tuple[int, torch.Tensor]:
    with MADE.get_lock():
        MADE.value += 1
    return epoch, torch.tensor([item])


def epochs(workers: int = 0) -> ResumableLoader[Any]:
    return ResumableLoader(shuffled, make, workers)


def handed_out(batches: ResumableLoader[Any], count: int) -> list[tuple[int, int]]:
    """The next batches, over the ends of epochs; the last iterator is abandoned."""
    taken: list[tuple[int, int]] = []
    while len(taken) < count:
        for epoch, item in batches:
            taken.append((epoch, item.item()))
            if len(taken) == count:
                break
    return taken


WHOLE = [(epoch, item) for epoch in range(4) for item in shuffled(epoch)]


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_come_in_the_order_of_the_plan_at_every_iteration(workers: int) -> None:
    plan: list[Any] = [[3, 1], range(2), np.array([5])]
    batches = Batches(plan, list, workers)
    assert len(batches) == 3
    assert list(batches) == list(batches) == [[3, 1], [0, 1], [5]]


@pytest.mark.parametrize("workers", [0, 2])
def test_one_epoch_follows_the_other(workers: int) -> None:
    assert handed_out(epochs(workers), len(WHOLE)) == WHOLE
    assert len(epochs(workers)) == LENGTH


@pytest.mark.parametrize("count", range(2 * LENGTH + 2))
def test_what_was_saved_after_any_batch_goes_on_with_the_next_one(count: int) -> None:
    stopped, resumed = epochs(), epochs()
    handed_out(stopped, count)
    resumed.load_state_dict(stopped.state_dict())
    assert handed_out(resumed, len(WHOLE) - count) == WHOLE[count:]


def test_what_workers_read_ahead_was_not_handed_out() -> None:
    stopped, resumed = epochs(workers=2), epochs(workers=2)
    before, end = MADE.value, time.monotonic() + 30
    reading = iter(stopped)
    taken = [next(reading), next(reading)]
    while MADE.value - before <= len(taken) and time.monotonic() < end:
        time.sleep(0.01)
    assert MADE.value - before > len(taken)
    assert stopped.state_dict()["position"] == len(taken)
    resumed.load_state_dict(stopped.state_dict())
    assert handed_out(resumed, LENGTH) == WHOLE[2 : LENGTH + 2]


def test_an_abandoned_iteration_is_continued_by_the_next_one() -> None:
    batches = epochs()
    assert handed_out(batches, 3) + handed_out(batches, 2) + handed_out(batches, LENGTH) == WHOLE[: LENGTH + 5]


def test_an_iteration_ends_with_its_epoch() -> None:
    batches = epochs()
    handed_out(batches, 3)
    assert [item.item() for _, item in batches] == shuffled(0)[3:]
    assert [item.item() for _, item in batches] == shuffled(1)


def test_every_epoch_is_planned_once() -> None:
    planned = []

    def plan(epoch: int) -> list[int]:
        planned.append(epoch)
        return shuffled(epoch)

    batches = ResumableLoader(plan, make)
    assert handed_out(batches, 3) + handed_out(batches, 2 * LENGTH) == WHOLE[: 2 * LENGTH + 3]
    assert planned == [0, 1, 2]


def test_a_position_is_plain_numbers_that_a_checkpoint_may_hold() -> None:
    batches, file = epochs(), io.BytesIO()
    handed_out(batches, 3)
    torch.save(batches.state_dict(), file)
    file.seek(0)
    assert torch.load(file, weights_only=True) == {"epoch": 0, "position": 3, "length": LENGTH}


def test_a_position_in_epochs_of_another_length_is_one_plain_sentence() -> None:
    longer = ResumableLoader(lambda epoch: range(9), make)
    with pytest.raises(ValueError, match=r"have 7 batches and those of this corpus and configuration 9") as caught:
        longer.load_state_dict(epochs().state_dict())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("workers", [0, 2])
def test_no_random_state_is_touched(workers: int) -> None:
    def states() -> tuple[Any, ...]:
        return torch.get_rng_state().tolist(), random.getstate(), repr(np.random.get_state())

    before = states()
    handed_out(epochs(workers), LENGTH + 1)
    list(Batches(range(3), str, workers))
    assert states() == before
