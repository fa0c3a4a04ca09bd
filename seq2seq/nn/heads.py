"""Features in equal shares, each with a memory of its own."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from seq2seq.errors import UserError


def check_heads(size: int, heads: int, least: int = 1) -> int:
    """The features of a head, or a ValueError where they cannot be equal or are fewer than they must be."""
    if size % heads:
        raise UserError(f"size ({size}) must be a multiple of heads ({heads})")
    if size < least * heads:
        raise UserError(f"a head must have at least {least} features, and size ({size}) gives {heads} heads fewer")
    return size // heads


def split_heads(x: Float[Tensor, "*batch size"], heads: int) -> Float[Tensor, "*batch heads share"]:
    return x.unflatten(-1, (heads, -1))  # type: ignore[no-any-return]


def head_layer_norm(x: Float[Tensor, "*batch heads share"], epsilon: float = 1e-5) -> Float[Tensor, "*batch size"]:
    """The heads' shares side by side, each with a mean of 0 and a variance of 1 (Ba et al., 2016)."""
    return F.layer_norm(x, x.shape[-1:], eps=epsilon).flatten(-2)


def head_rms_norm(x: Float[Tensor, "*batch heads share"], epsilon: float = 1e-6) -> Float[Tensor, "*batch size"]:
    """The heads' shares side by side, each divided by its root mean square (Zhang and Sennrich, 2019)."""
    return F.rms_norm(x, x.shape[-1:], eps=epsilon).flatten(-2)
