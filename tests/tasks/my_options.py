"""A user's own module: a layer whose options are dataclasses and objects of classes that the package does not know."""

from __future__ import annotations  # its types are strings, which must be resolved

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import torch
from torch import Tensor, nn

from seq2seq.recurrence import Cell


class Order(Enum):
    FIRST = 1
    SECOND = 2


@dataclass(frozen=True)
class Leak:
    """How fast a state fades.

    Args:
        rate: Share of the state that is lost in a step.
        order: Whether the rate is squared.
    """

    rate: float = 0.1
    order: Order = Order.FIRST


@dataclass(frozen=True)
class Memory:
    """What a layer remembers.

    Args:
        leak: How it fades; null for not at all.
        update: How the state is updated.
        lags: Weights of earlier states.
    """

    leak: Leak | None = None
    update: Literal["add", "mean"] = "add"
    lags: tuple[float, ...] = ()


@dataclass(frozen=True)
class ClippedMemory(Memory):
    """A memory with a limit.

    Args:
        limit: The largest absolute value of a state.
    """

    limit: float = 1.0


class Activation(ABC):
    """A function of the hidden state."""

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor: ...


class Tanh(Activation):
    def __call__(self, x: Tensor) -> Tensor:
        return x.tanh()


class Scaled(Activation):
    """A multiple of another activation."""

    def __init__(self, factor: float, inner: Activation) -> None:
        self.factor = factor
        self.inner = inner

    def __call__(self, x: Tensor) -> Tensor:
        return self.factor * self.inner(x)


class Gain(nn.Module):
    """A learned factor, so that an option has weights of its own."""

    def __init__(self, initial: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(initial))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


def clamp(x: Tensor) -> Tensor:
    """Return the values of a tensor within -2 and 2."""
    return x.clamp(-2, 2)


PASS_ON = Scaled(1.0, Tanh())


class LeakyRNN(Cell[Tensor]):
    """A recurrent layer with a leaky state.

    Args:
        input_size: Number of input features of a step.
        size: Number of units.
        memory: What it remembers.
        activation: The activation of its output.
        filters: Activations of the hidden state, in order.
        gain: A factor of the output.
        bound: A function of the input.
        after: The activation of the output after its factor.
    """

    def __init__(
        self,
        input_size: int,
        size: int,
        activation: Activation = Tanh(),  # noqa: B008 (as users write it)
        memory: Memory = Memory(),
        filters: list[Activation] | None = None,
        gain: nn.Module | None = None,
        bound: Callable[[Tensor], Tensor] | None = None,
        after: Activation = PASS_ON,
    ) -> None:
        super().__init__(input_size, size)
        self.linear = nn.Linear(input_size, size)
        self.memory = memory
        self.activation = activation
        self.filters = filters or []
        self.gain = gain or nn.Identity()
        self.bound = bound or nn.Identity()
        self.after = after

    def initial_state(self, batch: int) -> Tensor:
        return self.linear.weight.new_zeros(batch, self.size)

    def project_input(self, x: Tensor) -> Tensor:
        projected: Tensor = self.linear(self.bound(x))
        return projected

    def cell(self, projected_x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        leak = self.memory.leak
        kept = 1.0 if leak is None else 1 - leak.rate**leak.order.value
        hidden = projected_x + kept * state
        for function in self.filters:
            hidden = function(hidden)
        return self.after(self.gain(self.activation(hidden))), hidden
