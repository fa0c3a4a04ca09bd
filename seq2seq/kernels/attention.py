"""Dot-product attention by a kernel, for decoding steps in which several rows attend to one sentence."""

from ctypes import c_int, c_int64, c_void_p

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from seq2seq.kernels.library import Kernel, check_tensor, shape_of

ATTEND = Kernel(
    "attend", c_int64, c_void_p, c_void_p, c_int64, c_int64, c_void_p, c_int64, c_void_p, c_int64, *[c_void_p] * 3,
    c_int, result_type=c_int64,
)  # fmt: skip


def attend(
    queries: Float[Tensor, "rows size"],
    sentences: Int[Tensor, " rows"],
    keys: Float[Tensor, "sentences source size"],
    values: Float[Tensor, "sentences source value"],
    mask: Bool[Tensor, "sentences source"],
) -> tuple[Float[Tensor, "rows value"], Float[Tensor, "rows source"]]:
    """Return each row's context and attention weights: the softmax of its query's products with its sentence's keys.

    Positions that are False in the mask have a weight of 0, whatever values they hold; so have all positions of a
    sentence that is masked entirely. Raises a ValueError for tensors that do not fit together, or a sentence index out
    of range.
    """
    (rows, size), (count, length, _) = shape_of("queries", queries, 2), shape_of("keys", keys, 3)
    *_, value_size = shape_of("values", values, 3)
    check_tensor("queries", queries, torch.float32, rows, size)
    check_tensor("keys", keys, torch.float32, count, length, size)
    check_tensor("values", values, torch.float32, count, length, value_size)
    check_tensor("mask", mask, torch.bool, count, length)
    check_tensor("sentences", sentences, torch.long, rows)
    queries, sentences = queries.contiguous(), sentences.contiguous()
    keys, values, mask = keys.contiguous(), values.contiguous(), mask.contiguous()
    contexts, weights = queries.new_empty(rows, value_size), queries.new_empty(rows, length)
    invalid_row = ATTEND(
        rows, queries.data_ptr(), sentences.data_ptr(), count, length, keys.data_ptr(), size, values.data_ptr(),
        value_size, mask.data_ptr(), contexts.data_ptr(), weights.data_ptr(), torch.get_num_threads(),
    )  # fmt: skip
    if invalid_row >= 0:
        raise ValueError(f"sentences must be from 0 to {count - 1}, and {int(sentences[invalid_row])} was given")
    return contexts, weights
