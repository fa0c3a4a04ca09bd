"""Attention by a kernel of our own, for rows of which several look at one sentence."""

from ctypes import c_int, c_int64, c_void_p

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from seq2seq.kernels.library import check, kernel


def attend(
    queries: Float[Tensor, "rows size"],
    sentences: Int[Tensor, " rows"],
    keys: Float[Tensor, "sentences source size"],
    values: Float[Tensor, "sentences source value"],
    real: Bool[Tensor, "sentences source"],
) -> tuple[Float[Tensor, "rows value"], Float[Tensor, "rows source"]]:
    """Return each row's context, and its weights, the softmax of its products with the keys of its sentence.

    What is not real has a weight of 0, whatever stands there; so has all of a sentence of which nothing is real. Raises
    a ValueError for tensors that do not fit together, or a sentence that there is not.
    """
    rows, (count, length, size) = len(queries), keys.shape
    check("queries", queries, torch.float32, rows, size)
    check("keys", keys, torch.float32, count, length, size)
    check("values", values, torch.float32, count, length, values.shape[-1])
    check("real", real, torch.bool, count, length)
    sentences = sentences.long()
    check("sentences", sentences, torch.long, rows)
    queries, sentences = queries.contiguous(), sentences.contiguous()
    keys, values, real = keys.contiguous(), values.contiguous(), real.contiguous()
    contexts, weights = queries.new_empty(rows, values.shape[2]), queries.new_empty(rows, length)
    run = kernel(
        "attend", c_int64, c_void_p, c_void_p, c_int64, c_int64, c_void_p, c_int64, c_void_p, c_int64,
        *[c_void_p] * 3, c_int, result=c_int64,
    )  # fmt: skip
    wrong = run(
        rows, queries.data_ptr(), sentences.data_ptr(), count, length, keys.data_ptr(), size, values.data_ptr(),
        values.shape[2], real.data_ptr(), contexts.data_ptr(), weights.data_ptr(), torch.get_num_threads(),
    )  # fmt: skip
    if wrong >= 0:
        raise ValueError(f"sentences must be from 0 to {count - 1}, and {int(sentences[wrong])} was given")
    return contexts, weights
