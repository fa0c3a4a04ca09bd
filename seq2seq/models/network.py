"""The base class of all networks, which does not need Lightning."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from seq2seq.models.option_types import option_types

SHARED_VOCABULARY = "shared_vocabulary"  # the option of a network whose two vocabularies may be one


class GenerationStepper(NamedTuple):
    """The generation of one sequence, token by token, so that its cost can be measured."""

    prefill: Callable[[Tensor, Any], Any]  # tokens [1, time] read at once, state -> state after them
    step: Callable[[Tensor, Any], tuple[Tensor, Any]]  # token [1], state -> logits of the next one, next state
    state: Any  # before the first token
    vocab_size: int


class Vocabulary(NamedTuple):
    """What a network says of one of its vocabularies."""

    side: str  # of its tokenizer: source or target
    embeddings: tuple[str, ...] = ()  # the layers whose weight has one row per token


class Network(nn.Module):
    """A network whose inputs are token ids."""

    # by the option for their size, which the data provides; the rows of the output layer, which names them itself, are
    # of the last one
    vocabularies: ClassVar[Mapping[str, Vocabulary]] = {}

    @classmethod
    def data_options(cls) -> tuple[str, ...]:
        """Return the options of the constructor whose values are the attributes of that name of the data module."""
        kind: type = cls
        return tuple(name for name in (*cls.vocabularies, SHARED_VOCABULARY) if name in option_types(kind))

    def token_weights(self) -> dict[str, tuple[str, ...]]:
        """Return the weights with one row per token by side, the embedding's first; empty if none are named."""
        weights: dict[str, tuple[str, ...]] = {}
        for side, names in self.vocabularies.values():
            weights[side] = weights.get(side, ()) + tuple(f"{name}.weight" for name in names)
        if weights:
            rows: tuple[str, ...] = getattr(getattr(self, "output", None), "token_rows", ())
            weights[side] += tuple(f"output.{name}" for name in rows)
        return weights

    @property
    def device(self) -> torch.device:
        """Return the device of the weights."""
        return next(itertools.chain(self.parameters(), self.buffers())).device

    def save_hyperparameters(self) -> None:
        """Do nothing: only a training module, which a checkpoint describes, stores the arguments of its constructor."""
