"""The likeliest next tokens by a kernel of our own, which never writes down the probabilities of the others."""

from collections.abc import Sequence
from ctypes import c_int, c_int64, c_uint64, c_void_p

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.kernels.library import check, kernel
from seq2seq.special import PAD


def likeliest(
    logits: Float[Tensor, "rows vocab"], count: int, excluded: Sequence[int]
) -> tuple[Float[Tensor, "rows count"], Int[Tensor, "rows count"]]:
    """Return the largest log-probabilities and their tokens, likeliest first.

    Args:
        logits: The logits.
        count: How many of each row; where there are fewer, -inf and PAD.
        excluded: Tokens below 64 that are passed over, though they count in the sum of all probabilities.

    Raises a ValueError for other logits. A row with a logit of NaN has scores of NaN.
    """
    check("logits", logits, torch.float32, *logits.shape[:1], *logits.shape[-1:])
    if count < 1 or any(not 0 <= token < 64 for token in excluded):
        raise ValueError(
            f"count must be at least 1 and excluded tokens below 64, and {count} and {excluded} were given"
        )
    logits, bits = logits.contiguous(), sum(1 << token for token in set(excluded))
    scores = logits.new_empty(len(logits), count)
    tokens = torch.empty_like(scores, dtype=torch.long)
    run = kernel("likeliest", c_int64, c_int64, c_void_p, c_uint64, *[c_int64] * 2, c_void_p, c_void_p, c_int)
    run(
        *logits.shape, logits.data_ptr(), bits, PAD, count, scores.data_ptr(), tokens.data_ptr(),
        torch.get_num_threads(),
    )  # fmt: skip
    return scores, tokens
