"""Features split into heads of equal size."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from seq2seq.errors import UserError


def check_heads(size: int, heads: int, min_head_dim: int = 1) -> int:
    """Return the number of features per head; raise a UserError if heads do not divide size, or give too few."""
    if size % heads:
        raise UserError(f"size ({size}) must be a multiple of heads ({heads})")
    if size < min_head_dim * heads:
        raise UserError(
            f"a head must have at least {min_head_dim} features, and size ({size}) gives {heads} heads fewer"
        )
    return size // heads


def split_heads(x: Float[Tensor, "*batch size"], heads: int) -> Float[Tensor, "*batch heads head_dim"]:
    return x.unflatten(-1, (heads, -1))  # type: ignore[no-any-return]


def head_layer_norm(x: Float[Tensor, "*batch heads head_dim"], epsilon: float = 1e-5) -> Float[Tensor, "*batch size"]:
    """LayerNorm on each head (Ba et al., 2016); returns the heads concatenated."""
    return F.layer_norm(x, x.shape[-1:], eps=epsilon).flatten(-2)


def head_rms_norm(x: Float[Tensor, "*batch heads head_dim"], epsilon: float = 1e-6) -> Float[Tensor, "*batch size"]:
    """RMSNorm on each head (Zhang and Sennrich, 2019); returns the heads concatenated."""
    return F.rms_norm(x, x.shape[-1:], eps=epsilon).flatten(-2)
