"""Rotary position embedding: queries and keys rotated by an angle proportional to position (Su et al., 2021)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

BASE = 10_000.0


def apply_rotary(
    x: Float[Tensor, "batch *heads time head_dim"], positions: Int[Tensor, "#batch time"], endpoint: bool = False
) -> Float[Tensor, "batch *heads time head_dim"]:
    """Rotate each pair of features by position / 10000^(pair / pairs); with an odd size the last feature is unchanged.

    Pair i is feature i of the first half and feature i of the second half. Angles are computed in float64, since in
    float32 the angle at position 100,000 is accurate to two digits only.

    Args:
        x: Queries or keys, split into heads.
        positions: The position of each step.
        endpoint: Divide by pairs - 1 instead, so that the last pair's angle is position / 10000 (Sun et al., 2023).
    """
    pairs = x.shape[-1] // 2
    dtype = torch.float32 if x.device.type == "mps" else torch.float64
    frequencies = BASE ** -(torch.arange(pairs, device=x.device, dtype=dtype) / max(1, pairs - endpoint))
    angles = (positions[..., None] * frequencies).view(len(positions), *[1] * (x.dim() - 3), positions.shape[1], pairs)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second, rest = x.split([pairs, pairs, x.shape[-1] - 2 * pairs], dim=-1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos, rest], dim=-1)
