"""The likeliest next tokens by a kernel of our own, which never writes down the probabilities of the others."""

from ctypes import c_int, c_int64, c_void_p

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.kernels.library import kernel
from seq2seq.special import BOS, PAD


def likeliest(
    logits: Float[Tensor, "rows vocab"], count: int
) -> tuple[Float[Tensor, "rows count"], Int[Tensor, "rows count"]]:
    """Log-probabilities and tokens, likeliest first, without the marks that no text can hold."""
    logits = logits.contiguous()
    scores = logits.new_empty(len(logits), count)
    tokens = torch.empty_like(scores, dtype=torch.long)
    run = kernel("likeliest", c_int64, c_int64, c_void_p, *[c_int64] * 3, c_void_p, c_void_p, c_int)
    run(
        *logits.shape, logits.data_ptr(), PAD, BOS, count, scores.data_ptr(), tokens.data_ptr(),
        torch.get_num_threads(),
    )  # fmt: skip
    return scores, tokens
