"""Learning-rate schedules with a linear warm-up, updated at every step."""

import math
from typing import Annotated, Any, TypeAlias

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from seq2seq.errors import UserError
from seq2seq.ranges import LARGEST, CountOrZero, Probability, Range, checked

Steps: TypeAlias = Annotated[int, Range(-1, LARGEST)]  # like trainer.max_steps, where -1 means no limit


class WarmupCosine(LambdaLR):
    """Linear warm-up followed by half a period of cosine decay (Loshchilov and Hutter, 2017).

    Args:
        optimizer: The optimizer, whose learning rate is the peak.
        steps: Steps of the whole training; taken from trainer.max_steps.
        warmup: Steps of the warm-up.
        floor: Final learning rate, as a fraction of the peak.
    """

    @checked
    def __init__(
        self, optimizer: Optimizer, steps: Steps, warmup: CountOrZero = 200, floor: Probability = 0.05
    ) -> None:
        check_total_steps(steps)

        def factor(step: int) -> float:
            if step < warmup:
                return (step + 1) / (warmup + 1)
            progress = min(1.0, (step - warmup) / max(1, steps - warmup))
            return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress))

        super().__init__(optimizer, factor)


class WarmupLinear(LambdaLR):
    """Linear warm-up followed by linear decay.

    Args:
        optimizer: The optimizer, whose learning rate is the peak.
        steps: Steps of the whole training; taken from trainer.max_steps.
        warmup: Steps of the warm-up.
        floor: Final learning rate, as a fraction of the peak.
    """

    @checked
    def __init__(self, optimizer: Optimizer, steps: Steps, warmup: CountOrZero = 200, floor: Probability = 0.0) -> None:
        check_total_steps(steps)

        def factor(step: int) -> float:
            if step < warmup:
                return (step + 1) / (warmup + 1)
            return max(floor, 1 - (1 - floor) * (step - warmup) / max(1, steps - warmup))

        super().__init__(optimizer, factor)


class WarmupInverseSquareRoot(LambdaLR):
    """Linear warm-up followed by inverse-square-root decay (Vaswani et al., 2017, equation 3), without an end.

    Args:
        optimizer: The optimizer; its learning rate is reached at the end of the warm-up.
        warmup: Steps of the warm-up.
    """

    @checked
    def __init__(self, optimizer: Optimizer, warmup: CountOrZero = 400) -> None:
        super().__init__(optimizer, lambda step: min((step + 1) / (warmup + 1), math.sqrt((warmup + 1) / (step + 1))))


def check_total_steps(steps: int) -> None:
    """Raise a UserError if a schedule with an end is not given the number of steps."""
    if steps < 1:
        raise UserError(
            f"a schedule that ends needs the number of steps, and {steps} was given: set trainer.max_steps, "
            f"or take WarmupInverseSquareRoot"
        )


def check_schedule_length(lr_scheduler: Any, max_steps: int) -> None:
    """Raise a UserError if a OneCycleLR, which cannot continue after its end, ends before the training.

    Args:
        lr_scheduler: The option lr_scheduler, or None.
        max_steps: The option trainer.max_steps.
    """
    if lr_scheduler is not None and lr_scheduler.class_path == "torch.optim.lr_scheduler.OneCycleLR":
        options = lr_scheduler.init_args
        if steps := options.total_steps or (options.epochs or 0) * (options.steps_per_epoch or 0):
            check_one_cycle_steps(steps, max_steps)


def check_one_cycle_steps(steps: int, max_steps: int) -> None:
    """Raise a UserError if a OneCycleLR has fewer steps than the training."""
    if steps < max_steps:
        raise UserError(
            f"OneCycleLR ends after {steps} steps, and trainer.max_steps is {max_steps}: "
            f"its total_steps must be at least as large"
        )
