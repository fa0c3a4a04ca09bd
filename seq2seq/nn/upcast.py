"""float32 where bfloat16 is too imprecise: gates, decays and states."""

from contextlib import AbstractContextManager

import torch
from torch import Tensor


def upcast(x: Tensor) -> Tensor:
    """Return x in float32, or unchanged if its precision is higher."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def outside_autocast(x: Tensor) -> AbstractContextManager[None]:
    """Return a context without autocast, so that matrix products of float32 stay in float32."""
    return torch.autocast(x.device.type, enabled=False)
