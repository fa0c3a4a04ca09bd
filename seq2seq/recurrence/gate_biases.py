"""Initial biases of gates: a constant for the forget gate, or chrono initialization.

Chrono initialization: Tallec and Ollivier, 2018, "Can recurrent neural networks warp time?".
"""

from typing import Annotated, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from seq2seq.ranges import LARGEST, Range, checked

MemorySpan: TypeAlias = Annotated[int, Range(3, LARGEST)]  # in steps


@checked
def chrono(units: int, memory_span: MemorySpan) -> Float[Tensor, " units"]:
    """Return log U(1, memory_span - 1), equation 16: biases for forget gates; input gates get the negative ones.

    A forget gate with bias b keeps its cell for about 1 + exp(b) steps, so that units remember up to memory_span steps.
    """
    return torch.empty(units).uniform_(1, memory_span - 1).log()


def lstm_biases(size: int, forget_bias: float, memory_span: int | None) -> Float[Tensor, " gates"]:
    """Return initial gate biases in torch's order: input, forget, cell, output."""
    zero = torch.zeros(size)
    if memory_span is None:
        return torch.cat([zero, zero + forget_bias, zero, zero])
    forget = chrono(size, memory_span)
    return torch.cat([-forget, forget, zero, zero])


def gru_biases(size: int, keep_bias: float, memory_span: int | None) -> Float[Tensor, " gates"]:
    """Return initial gate biases in torch's order: reset, update, candidate."""
    zero = torch.zeros(size)
    return torch.cat([zero, zero + keep_bias if memory_span is None else chrono(size, memory_span), zero])
