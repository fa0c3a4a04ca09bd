"""Tests of batch loaders: order, epochs and the position to resume from."""

import io
import multiprocessing
import random
import time
from typing import Any

import numpy as np
import pytest
import torch

from seq2seq.data.batches import BatchLoader, ResumableBatchLoader

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")

LENGTH = 7
BATCHES_MADE = multiprocessing.Value("i", 0)


def plan_epoch(epoch: int) -> list[int]:
    return random.Random(epoch).sample(range(LENGTH), LENGTH)


def make_batch(epoch: int, item: int) -> tuple[int, torch.Tensor]:
    with BATCHES_MADE.get_lock():
        BATCHES_MADE.value += 1
    return epoch, torch.tensor([item])


def make_loader(workers: int = 0) -> ResumableBatchLoader[Any]:
    return ResumableBatchLoader(plan_epoch, make_batch, workers)


def take(loader: ResumableBatchLoader[Any], count: int) -> list[tuple[int, int]]:
    """Return the next items, across epochs; the last iterator is abandoned."""
    items: list[tuple[int, int]] = []
    while len(items) < count:
        for epoch, item in loader:
            items.append((epoch, item.item()))
            if len(items) == count:
                break
    return items


ALL_BATCHES = [(epoch, item) for epoch in range(4) for item in plan_epoch(epoch)]


@pytest.mark.parametrize("workers", [0, 2])
def test_every_iteration_follows_the_plan(workers: int) -> None:
    plan: list[Any] = [[3, 1], range(2), np.array([5])]
    loader = BatchLoader(plan, list, workers)
    assert len(loader) == 3
    assert list(loader) == list(loader) == [[3, 1], [0, 1], [5]]


@pytest.mark.parametrize("workers", [0, 2])
def test_epochs_follow_each_other(workers: int) -> None:
    assert take(make_loader(workers), len(ALL_BATCHES)) == ALL_BATCHES
    assert len(make_loader(workers)) == LENGTH


@pytest.mark.parametrize("count", range(2 * LENGTH + 2))
def test_resume_continues_with_the_next_batch(count: int) -> None:
    stopped, resumed = make_loader(), make_loader()
    take(stopped, count)
    resumed.load_state_dict(stopped.state_dict())
    assert take(resumed, len(ALL_BATCHES) - count) == ALL_BATCHES[count:]


def test_position_does_not_count_prefetched_batches() -> None:
    stopped, resumed = make_loader(workers=2), make_loader(workers=2)
    initial, deadline = BATCHES_MADE.value, time.monotonic() + 30
    iterator = iter(stopped)
    yielded = [next(iterator), next(iterator)]
    while BATCHES_MADE.value - initial <= len(yielded) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert BATCHES_MADE.value - initial > len(yielded)
    assert stopped.state_dict()["position"] == len(yielded)
    resumed.load_state_dict(stopped.state_dict())
    assert take(resumed, LENGTH) == ALL_BATCHES[2 : LENGTH + 2]


def test_next_iteration_continues_an_abandoned_one() -> None:
    loader = make_loader()
    assert take(loader, 3) + take(loader, 2) + take(loader, LENGTH) == ALL_BATCHES[: LENGTH + 5]


def test_iteration_ends_with_the_epoch() -> None:
    loader = make_loader()
    take(loader, 3)
    assert [item.item() for _, item in loader] == plan_epoch(0)[3:]
    assert [item.item() for _, item in loader] == plan_epoch(1)


def test_every_epoch_is_planned_once() -> None:
    planned = []

    def record_plan(epoch: int) -> list[int]:
        planned.append(epoch)
        return plan_epoch(epoch)

    loader = ResumableBatchLoader(record_plan, make_batch)
    assert take(loader, 3) + take(loader, 2 * LENGTH) == ALL_BATCHES[: 2 * LENGTH + 3]
    assert planned == [0, 1, 2]


def test_state_dict_loads_with_weights_only() -> None:
    loader, file = make_loader(), io.BytesIO()
    take(loader, 3)
    torch.save(loader.state_dict(), file)
    file.seek(0)
    assert torch.load(file, weights_only=True) == {"epoch": 0, "position": 3, "length": LENGTH}


def test_resume_with_another_epoch_length_is_refused() -> None:
    longer = ResumableBatchLoader(lambda epoch: range(9), make_batch)
    with pytest.raises(
        ValueError, match=r"cannot resume: an epoch has 7 batches in the checkpoint, but 9 with this corpus"
    ) as caught:
        longer.load_state_dict(make_loader().state_dict())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("workers", [0, 2])
def test_iteration_keeps_global_random_states(workers: int) -> None:
    def random_states() -> tuple[Any, ...]:
        return torch.get_rng_state().tolist(), random.getstate(), repr(np.random.get_state())

    before = random_states()
    take(make_loader(workers), LENGTH + 1)
    list(BatchLoader(range(3), str, workers))
    assert random_states() == before
