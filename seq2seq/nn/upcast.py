"""Where a bfloat16 number is too rough: gates, decays and states are kept in float32 or better."""

from contextlib import AbstractContextManager

import torch
from torch import Tensor


def upcast(x: Tensor) -> Tensor:
    """The same numbers in float32, or as they are if they have more."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def outside_autocast(x: Tensor) -> AbstractContextManager[None]:
    """Where autocast would take matrix products of float32 down to bfloat16 and this leaves them alone."""
    return torch.autocast(x.device.type, enabled=False)
