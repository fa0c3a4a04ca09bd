"""Mixed precision: float32 where bfloat16 is too imprecise (gates, decays, states), and types with fast products."""

from contextlib import AbstractContextManager
from functools import cache

import torch
from torch import Tensor


def upcast(x: Tensor) -> Tensor:
    """Return x in float32, or unchanged if its precision is higher."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def outside_autocast(x: Tensor) -> AbstractContextManager[None]:
    """Return a context without autocast, so that matrix products of float32 stay in float32."""
    return torch.autocast(x.device.type, enabled=False)


@cache
def has_fast_products(dtype: torch.dtype) -> bool:
    """Return whether this processor has native products of a type that oneDNN uses.

    torch emulates those of other types, fifty times as slowly.
    x86-64 has those of bfloat16 from AVX-512 on, and not with AVX2 alone.
    """
    if dtype not in (torch.bfloat16, torch.float16):
        return True
    name = "_is_mkldnn_bf16_supported" if dtype == torch.bfloat16 else "_is_mkldnn_fp16_supported"
    is_supported = getattr(torch.ops.mkldnn, name, None)
    return torch.backends.mkldnn.is_available() and is_supported is not None and bool(is_supported())
