"""Rotary positions: queries and keys turned by an angle that grows with their place (Su et al., 2021)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

BASE = 10_000.0


def apply_rotary(
    x: Float[Tensor, "batch *heads time share"], places: Int[Tensor, "#batch time"], whole: bool = False
) -> Float[Tensor, "batch *heads time share"]:
    """Turn each pair of features by place / 10000^(pair / pairs); of an odd number the last one stays.

    A pair is a feature of the first half and the one in the same place of the second. Angles are computed in float64,
    since a float32 knows the angle of place 100,000 to two digits only.

    Args:
        x: What is turned.
        places: The position of each step.
        whole: Divide by pairs - 1 instead, so that the last pair's angle is place / 10000 (Sun et al., 2023).
    """
    pairs = x.shape[-1] // 2
    wide = torch.float32 if x.device.type == "mps" else torch.float64
    speeds = BASE ** -(torch.arange(pairs, device=x.device, dtype=wide) / max(1, pairs - whole))
    angles = (places[..., None] * speeds).view(len(places), *[1] * (x.dim() - 3), places.shape[1], pairs)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second, rest = x.split([pairs, pairs, x.shape[-1] - 2 * pairs], dim=-1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos, rest], dim=-1)
