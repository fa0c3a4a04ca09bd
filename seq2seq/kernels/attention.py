"""Attention by a kernel of our own, for rows of which several look at one sentence."""

from ctypes import c_int, c_int64, c_void_p

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from seq2seq.kernels.library import Kernel, check, sizes

ATTEND = Kernel(
    "attend", c_int64, c_void_p, c_void_p, c_int64, c_int64, c_void_p, c_int64, c_void_p, c_int64, *[c_void_p] * 3,
    c_int, result=c_int64,
)  # fmt: skip


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
    (rows, size), (count, length, _) = sizes("queries", queries, 2), sizes("keys", keys, 3)
    *_, width = sizes("values", values, 3)
    check("queries", queries, torch.float32, rows, size)
    check("keys", keys, torch.float32, count, length, size)
    check("values", values, torch.float32, count, length, width)
    check("real", real, torch.bool, count, length)
    check("sentences", sentences, torch.long, rows)
    queries, sentences = queries.contiguous(), sentences.contiguous()
    keys, values, real = keys.contiguous(), values.contiguous(), real.contiguous()
    contexts, weights = queries.new_empty(rows, width), queries.new_empty(rows, length)
    wrong = ATTEND(
        rows, queries.data_ptr(), sentences.data_ptr(), count, length, keys.data_ptr(), size, values.data_ptr(),
        width, real.data_ptr(), contexts.data_ptr(), weights.data_ptr(), torch.get_num_threads(),
    )  # fmt: skip
    if wrong >= 0:
        raise ValueError(f"sentences must be from 0 to {count - 1}, and {int(sentences[wrong])} was given")
    return contexts, weights
