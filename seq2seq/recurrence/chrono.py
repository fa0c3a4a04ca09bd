"""Biases for memories of a given length (Tallec and Ollivier, 2018, "Can recurrent neural networks warp time?")."""

import torch
from jaxtyping import Float
from torch import Tensor

from seq2seq.errors import UserError


def chrono(units: int, memory_span: int) -> Float[Tensor, " units"]:
    """log U(1, memory_span - 1), equation 16: the bias of a gate that keeps, and its negative that of one that writes.

    A gate of such a bias b forgets after about 1 + exp(b) steps, so the units' memories spread up to memory_span.
    """
    if memory_span < 3:
        raise UserError(f"memory_span must be at least 3 steps, and {memory_span} was given")
    return torch.empty(units).uniform_(1, memory_span - 1).log()
