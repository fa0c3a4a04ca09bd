"""Padding of rows of different lengths: masks, neutral values for padded steps, and the last steps of each row."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

SATURATION = 1e30  # a pre-activation that no weights outweigh, where a sigmoid is 0 or 1 and its gradient is 0


def padding_mask(x: Tensor, lengths: Int[Tensor, " batch"]) -> Bool[Tensor, "batch time"]:
    """Return a mask that is True past the end of each row of x, [batch, time, ...]."""
    return torch.arange(x.shape[1], device=x.device) >= lengths.to(x.device)[:, None]


def fill_padding(x: Tensor, lengths: Tensor | None, value: float) -> Tensor:
    """Return x, [batch, time, ...], with this value past the end of each row; x itself without lengths."""
    if lengths is None:
        return x
    padding = padding_mask(x, lengths)
    if x.device.type != "cpu":
        return x.masked_fill(padding.view(*x.shape[:2], *[1] * (x.dim() - 2)), value)
    # index_fill takes a third of the time, but nonzero would wait for a GPU
    return x.flatten(0, 1).index_fill(0, padding.flatten().nonzero().squeeze(1), value).view_as(x)


def last_steps(
    previous: Float[Tensor, "batch steps size"], x: Float[Tensor, "batch time size"], lengths: Tensor | None
) -> Float[Tensor, "batch steps size"]:
    """Return the last steps of each row of `previous` followed by x, as many as `previous` has and in its dtype."""
    steps, time = previous.shape[1], x.shape[1]
    if lengths is None or not time:
        return torch.cat([previous, x[:, max(0, time - steps) :].to(previous.dtype)], dim=1)[:, min(steps, time) :]
    positions = (lengths.to(x.device)[:, None] + torch.arange(-steps, 0, device=x.device))[..., None]
    in_previous, in_x = (index.expand(-1, -1, x.shape[2]) for index in (positions + steps, positions))
    return torch.where(
        positions >= 0,
        x.gather(1, in_x.clamp(min=0)).to(previous.dtype),
        previous.gather(1, in_previous.clamp(max=steps - 1)),
    )


def last_step(
    initial: Float[Tensor, "batch size"], x: Float[Tensor, "batch time size"], lengths: Tensor | None
) -> Float[Tensor, "batch size"]:
    """Return the last step of each row of x, or `initial` for a row of length 0, in the dtype of `initial`."""
    return last_steps(initial[:, None], x, lengths)[:, 0]


def flag_padding(
    x: Float[Tensor, "batch time input"], lengths: Int[Tensor, " batch"], weight: Tensor, gates: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """Append an input that is 1 on padding and 0 elsewhere, and weights for it that close (-1) or open (1) each gate.

    This needs neither packed sequences nor a second call. The other inputs become 0 on padding.
    """
    padding = padding_mask(x, lengths)[..., None]
    device = x.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weight.dtype
    saturation = min(SATURATION, torch.finfo(dtype).max)  # infinity times 0 would be NaN
    column = weight.new_tensor(gates).mul_(saturation).repeat_interleave(len(weight) // len(gates))
    return torch.cat([fill_padding(x, lengths, 0.0), padding.to(x)], dim=-1), torch.cat(
        [weight, column[:, None]], dim=1
    )
