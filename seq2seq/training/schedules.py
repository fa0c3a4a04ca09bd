"""How the learning rate rises and falls, by step."""

import math
from typing import Annotated, TypeAlias

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from seq2seq.errors import UserError
from seq2seq.ranges import LARGEST, CountOrZero, Probability, Range, checked

Steps: TypeAlias = Annotated[int, Range(-1, LARGEST)]  # as trainer.max_steps, where -1 is no end


class WarmupCosine(LambdaLR):
    """Rises in a line, then falls along half a cosine (Loshchilov and Hutter, 2017).

    Args:
        optimizer: Whose learning rate it is.
        steps: Steps of the whole training; taken from trainer.max_steps.
        warmup: Steps of the rise.
        floor: Share of the learning rate that is left at the end.
    """

    @checked
    def __init__(
        self, optimizer: Optimizer, steps: Steps, warmup: CountOrZero = 200, floor: Probability = 0.05
    ) -> None:
        check_end(steps)

        def factor(step: int) -> float:
            if step < warmup:
                return (step + 1) / (warmup + 1)
            way = min(1.0, (step - warmup) / max(1, steps - warmup))
            return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * way))

        super().__init__(optimizer, factor)


class WarmupLinear(LambdaLR):
    """Rises in a line, then falls in a line.

    Args:
        optimizer: Whose learning rate it is.
        steps: Steps of the whole training; taken from trainer.max_steps.
        warmup: Steps of the rise.
        floor: Share of the learning rate that is left at the end.
    """

    @checked
    def __init__(self, optimizer: Optimizer, steps: Steps, warmup: CountOrZero = 200, floor: Probability = 0.0) -> None:
        check_end(steps)

        def factor(step: int) -> float:
            if step < warmup:
                return (step + 1) / (warmup + 1)
            return max(floor, 1 - (1 - floor) * (step - warmup) / max(1, steps - warmup))

        super().__init__(optimizer, factor)


class WarmupInverseSquareRoot(LambdaLR):
    """Rises in a line, then falls with the square root of the step (Vaswani et al., 2017, equation 3); it needs no end.

    Args:
        optimizer: Whose learning rate it is, reached at the end of the rise.
        warmup: Steps of the rise.
    """

    @checked
    def __init__(self, optimizer: Optimizer, warmup: CountOrZero = 400) -> None:
        super().__init__(optimizer, lambda step: min((step + 1) / (warmup + 1), math.sqrt((warmup + 1) / (step + 1))))


def check_end(steps: int) -> None:
    """Raise a UserError if a schedule that ends is not told when."""
    if steps < 1:
        raise UserError(
            f"a schedule that ends needs the number of steps, and {steps} was given: set trainer.max_steps, "
            f"or take WarmupInverseSquareRoot"
        )
