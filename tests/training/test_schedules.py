"""Learning rates rise over the warm-up and fall to their floor."""

import math
from itertools import pairwise

import pytest
import torch
from torch.optim import SGD
from torch.optim.lr_scheduler import LRScheduler

from seq2seq.training import WarmupCosine, WarmupInverseSquareRoot, WarmupLinear


def optimizer() -> SGD:
    return SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)


def rates(schedule: LRScheduler, count: int) -> list[float]:
    """The learning rate of each step."""
    found = []
    for _ in range(count):
        found.append(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize("kind", [WarmupCosine, WarmupLinear])
def test_the_rate_rises_in_a_line_to_the_whole_and_ends_at_the_floor(
    kind: type[WarmupCosine] | type[WarmupLinear],
) -> None:
    found = rates(kind(optimizer(), steps=20, warmup=4, floor=0.1), 25)
    assert found[:5] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0])
    assert found[12] == pytest.approx(2.0 * (0.1 + 0.9 / 2))  # halfway down, both curves agree
    assert found[20:] == pytest.approx([0.2] * 5)
    assert all(a > b for a, b in pairwise(found[4:21]))


def test_the_cosine_falls_slowly_at_first_and_the_line_evenly() -> None:
    cosine, line = (rates(kind(optimizer(), steps=8, warmup=0, floor=0.0), 9) for kind in (WarmupCosine, WarmupLinear))
    assert cosine[0] == line[0] == 2.0
    assert cosine[2] == pytest.approx(1 + math.cos(math.pi / 4))
    assert line[2] == pytest.approx(1.5)


def test_the_inverse_square_root_peaks_at_the_warm_up_and_never_ends() -> None:
    found = rates(WarmupInverseSquareRoot(optimizer(), warmup=3), 64)
    assert found[:4] == pytest.approx([0.5, 1.0, 1.5, 2.0])
    assert found[15] == pytest.approx(1.0)  # four times as far, half the rate
    assert found[63] == pytest.approx(0.5)


def test_a_warm_up_as_long_as_the_training_still_reaches_the_whole_rate() -> None:
    assert rates(WarmupCosine(optimizer(), steps=5, warmup=5), 6)[5] == 2.0


def test_a_schedule_that_ends_needs_the_number_of_steps() -> None:
    with pytest.raises(ValueError, match=r"-1 was given: set trainer\.max_steps"):
        WarmupCosine(optimizer(), steps=-1)
    with pytest.raises(ValueError, match=r"warmup must be at least 0 .*, and -2 was given"):
        WarmupLinear(optimizer(), steps=10, warmup=-2)
