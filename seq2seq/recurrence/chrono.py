"""Biases for memories of a given length (Tallec and Ollivier, 2018, "Can recurrent neural networks warp time?")."""

from typing import Annotated, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from seq2seq.ranges import LARGEST, Range, checked

MemorySpan: TypeAlias = Annotated[int, Range(3, LARGEST)]  # in steps


@checked
def chrono(units: int, memory_span: MemorySpan) -> Float[Tensor, " units"]:
    """log U(1, memory_span - 1), equation 16: the bias of a gate that keeps, and its negative that of one that writes.

    A gate of such a bias b forgets after about 1 + exp(b) steps, so the units' memories spread up to memory_span.
    """
    return torch.empty(units).uniform_(1, memory_span - 1).log()
