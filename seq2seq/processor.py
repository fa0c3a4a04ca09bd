"""The number types whose products this processor computes natively; torch emulates others, fifty times as slowly."""

from functools import cache

import torch


@cache
def has_fast_products(dtype: torch.dtype) -> bool:
    """Return whether this processor has native products of a type that oneDNN uses.

    x86-64 has those of bfloat16 from AVX-512 on, and not with AVX2 alone.
    """
    if dtype not in (torch.bfloat16, torch.float16):
        return True
    name = "_is_mkldnn_bf16_supported" if dtype == torch.bfloat16 else "_is_mkldnn_fp16_supported"
    is_supported = getattr(torch.ops.mkldnn, name, None)
    return torch.backends.mkldnn.is_available() and is_supported is not None and bool(is_supported())
