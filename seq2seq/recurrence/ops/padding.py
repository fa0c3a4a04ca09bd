"""What rows that end early have instead of a second call: steps that change nothing, and their own last steps."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def padding_mask(x: Tensor, lengths: Int[Tensor, " batch"]) -> Bool[Tensor, "batch time"]:
    """True past the end of each row of x, [batch, time, ...]."""
    return torch.arange(x.shape[1], device=x.device) >= lengths.to(x.device)[:, None]


def fill_padding(x: Tensor, lengths: Tensor | None, value: float) -> Tensor:
    """Return x, [batch, time, ...], with this value past the end of each row; as it is where no row ends early."""
    if lengths is None:
        return x
    padding = padding_mask(x, lengths)
    if x.device.type != "cpu":
        return x.masked_fill(padding.view(*x.shape[:2], *[1] * (x.dim() - 2)), value)
    # whole steps, in a third of the time; a GPU would have to be waited for to say which
    return x.flatten(0, 1).index_fill(0, padding.flatten().nonzero().squeeze(1), value).view_as(x)


def last_steps(
    before: Float[Tensor, "batch steps size"], x: Float[Tensor, "batch time size"], lengths: Tensor | None
) -> Float[Tensor, "batch steps size"]:
    """As many steps as `before` has, which stood before x, up to the end of each row."""
    steps = before.shape[1]
    joined = torch.cat([before, x.to(before.dtype)], dim=1)
    if lengths is None:
        return joined[:, joined.shape[1] - steps :].clone()  # or it would hold on to the whole sequence
    places = lengths.to(x.device)[:, None] + torch.arange(steps, device=x.device)
    return joined.gather(1, places[..., None].expand(-1, -1, x.shape[2]))
