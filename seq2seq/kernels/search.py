"""The likeliest next tokens by a kernel of our own, which never writes down the probabilities of the others."""

from collections.abc import Sequence
from ctypes import c_int, c_int64, c_uint64, c_void_p

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.kernels.library import Kernel, check, sizes
from seq2seq.special_tokens import PAD

LIKELIEST = Kernel("likeliest", c_int64, c_int64, c_void_p, c_uint64, *[c_int64] * 2, c_void_p, c_void_p, c_int)
BITS = 64  # of the number that names what is excluded


def likeliest(
    logits: Float[Tensor, "rows vocab"], count: int, excluded: Sequence[int]
) -> tuple[Float[Tensor, "rows count"], Int[Tensor, "rows count"]]:
    """Return the largest log-probabilities and their tokens, likeliest first.

    Args:
        logits: The logits.
        count: How many of each row; where there are fewer, -inf and PAD.
        excluded: Tokens below 64 that are passed over, though they count in the sum of all probabilities.

    Raises a ValueError for other logits, counts or tokens. A row with a logit of NaN has scores of NaN.
    """
    rows, size = sizes("logits", logits, 2)
    check("logits", logits, torch.float32, rows, size)
    if count < 1:
        raise ValueError(f"count must be at least 1, and {count} was given")
    bits = 0
    for token in excluded:
        if not 0 <= token < BITS:
            raise ValueError(f"an excluded token must be from 0 to {BITS - 1}, and {token} was given")
        bits |= 1 << token
    logits = logits.contiguous()
    scores = logits.new_empty(rows, count)
    tokens = torch.empty_like(scores, dtype=torch.long)
    LIKELIEST(
        rows, size, logits.data_ptr(), bits, PAD, count, scores.data_ptr(), tokens.data_ptr(), torch.get_num_threads()
    )
    return scores, tokens
