"""The base class of all networks, which does not need Lightning."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

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

    # the embeddings with one row per token, by the option for the size of their vocabulary; the output layer names its
    # own rows, which are of the last vocabulary
    vocabulary_layers: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @property
    def device(self) -> torch.device:
        """Return the device of the weights."""
        return next(itertools.chain(self.parameters(), self.buffers())).device

    def save_hyperparameters(self) -> None:
        """Do nothing: only a training module, which a checkpoint describes, stores the arguments of its constructor."""
