"""The base class of all networks, which does not need Lightning."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class GenerationStepper(NamedTuple):
    """The generation of one sequence, token by token, so that its cost can be measured."""

    prefill: Callable[[Tensor, Any], Any]  # tokens [1, time] read at once, state -> state after them
    step: Callable[[Tensor, Any], tuple[Tensor, Any]]  # token [1], state -> logits of the next one, next state
    state: Any  # before the first token
    vocab_size: int


class Network(nn.Module):
    """A network whose inputs are token ids."""

    @property
    def device(self) -> torch.device:
        """Return the device of the weights."""
        return next(itertools.chain(self.parameters(), self.buffers())).device

    def save_hyperparameters(self) -> None:
        """Do nothing: only a training module, which a checkpoint describes, stores the arguments of its constructor."""
