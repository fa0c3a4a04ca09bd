"""Learning rates rise during the warm-up and decay to their final value."""

import math
from itertools import pairwise

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import LRScheduler

from seq2seq.training import WarmupCosine, WarmupInverseSquareRoot, WarmupLinear


def optimizer() -> SGD:
    return SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)


def learning_rates(schedule: LRScheduler, count: int) -> list[float]:
    """Return the learning rate of each step."""
    rates = []
    for _ in range(count):
        rates.append(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        schedule.step()
    return rates


@pytest.mark.parametrize("schedule_class", [WarmupCosine, WarmupLinear])
def test_linear_warm_up_and_decay_to_the_floor(
    schedule_class: type[WarmupCosine] | type[WarmupLinear],
) -> None:
    rates = learning_rates(schedule_class(optimizer(), steps=20, warmup=4, floor=0.1), 25)
    assert rates[:5] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0])
    assert rates[12] == pytest.approx(2.0 * (0.1 + 0.9 / 2))  # both schedules have decayed by half
    assert rates[20:] == pytest.approx([0.2] * 5)
    assert all(a > b for a, b in pairwise(rates[4:21]))


def test_cosine_and_linear_decay() -> None:
    cosine, line = (
        learning_rates(schedule_class(optimizer(), steps=8, warmup=0, floor=0.0), 9)
        for schedule_class in (WarmupCosine, WarmupLinear)
    )
    assert cosine[0] == line[0] == 2.0
    assert cosine[2] == pytest.approx(1 + math.cos(math.pi / 4))
    assert line[2] == pytest.approx(1.5)


def test_inverse_square_root_peaks_after_the_warm_up() -> None:
    rates = learning_rates(WarmupInverseSquareRoot(optimizer(), warmup=3), 64)
    assert rates[:4] == pytest.approx([0.5, 1.0, 1.5, 2.0])
    assert rates[15] == pytest.approx(1.0)  # four times as far, half the rate
    assert rates[63] == pytest.approx(0.5)


def test_warm_up_as_long_as_the_training_reaches_the_peak() -> None:
    assert learning_rates(WarmupCosine(optimizer(), steps=5, warmup=5), 6)[5] == 2.0


def test_invalid_number_of_steps_is_refused() -> None:
    with pytest.raises(ValueError, match=r"-1 was given: set trainer\.max_steps"):
        WarmupCosine(optimizer(), steps=-1)
    with pytest.raises(ValueError, match=r"warmup must be at least 0 .*, and -2 was given"):
        WarmupLinear(optimizer(), steps=10, warmup=-2)
