"""Attention by a kernel of our own, for rows of which several look at one sentence."""

from ctypes import c_int, c_int64, c_void_p

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from seq2seq.kernels.library import kernel


def attend(
    queries: Float[Tensor, "rows size"],
    sentences: Int[Tensor, " rows"],
    keys: Float[Tensor, "sentences source size"],
    values: Float[Tensor, "sentences source value"],
    real: Bool[Tensor, "sentences source"],
) -> tuple[Float[Tensor, "rows value"], Float[Tensor, "rows source"]]:
    """Each row's context, and its weights, the softmax of its products with the keys of its sentence."""
    queries, sentences = queries.contiguous(), sentences.long().contiguous()
    keys, values, real = keys.contiguous(), values.contiguous(), real.contiguous()
    rows, length = len(queries), keys.shape[1]
    contexts, weights = queries.new_empty(rows, values.shape[2]), queries.new_empty(rows, length)
    run = kernel(
        "attend", c_int64, c_void_p, c_void_p, c_int64, c_void_p, c_int64, c_void_p, c_int64, *[c_void_p] * 3, c_int
    )
    run(
        rows, queries.data_ptr(), sentences.data_ptr(), length, keys.data_ptr(), keys.shape[2], values.data_ptr(),
        values.shape[2], real.data_ptr(), contexts.data_ptr(), weights.data_ptr(), torch.get_num_threads(),
    )  # fmt: skip
    return contexts, weights
