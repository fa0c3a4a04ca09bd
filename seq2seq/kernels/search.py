"""Top-k log-probabilities by a kernel that never writes out the log-probabilities of all tokens."""

from collections.abc import Sequence
from ctypes import c_int, c_int64, c_uint64, c_void_p

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.kernels.library import Kernel, check_tensor, shape_of
from seq2seq.special_tokens import PAD

TOPK = Kernel("topk_log_probabilities", c_int64, c_int64, c_void_p, c_uint64, *[c_int64] * 2, c_void_p, c_void_p, c_int)
MASK_BITS = 64  # of the bit mask of excluded tokens


def topk_log_probabilities(
    logits: Float[Tensor, "rows vocab"], count: int, excluded: Sequence[int]
) -> tuple[Float[Tensor, "rows count"], Int[Tensor, "rows count"]]:
    """Return each row's `count` largest log-probabilities, in descending order, and their tokens.

    Args:
        logits: The logits.
        count: Number of tokens of each row; where the vocabulary has fewer, the rest is -inf and PAD.
        excluded: Tokens below 64 that are not returned, though they count in the normalization.

    Raises a ValueError for other logits, counts or tokens. A row with a logit of NaN has scores of NaN.
    """
    rows, size = shape_of("logits", logits, 2)
    check_tensor("logits", logits, torch.float32, rows, size)
    if count < 1:
        raise ValueError(f"count must be at least 1, and {count} was given")
    mask = 0
    for token in excluded:
        if not 0 <= token < MASK_BITS:
            raise ValueError(f"an excluded token must be from 0 to {MASK_BITS - 1}, and {token} was given")
        mask |= 1 << token
    logits = logits.contiguous()
    scores = logits.new_empty(rows, count)
    tokens = torch.empty_like(scores, dtype=torch.long)
    TOPK(rows, size, logits.data_ptr(), mask, PAD, count, scores.data_ptr(), tokens.data_ptr(), torch.get_num_threads())
    return scores, tokens
