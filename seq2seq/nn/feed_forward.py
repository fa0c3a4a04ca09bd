"""What a Transformer does to every step on its own after each layer (Vaswani et al., 2017, section 3.3), gated."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.errors import UserError
from seq2seq.nn.dropout import VariationalDropout
from seq2seq.nn.linear import linear
from seq2seq.ranges import LARGEST, DropProbability, NonNegative, checked


class FeedForward(nn.Module):
    """x + W (silu(U n) * V n), where n is x normalised (Shazeer, 2020, "SwiGLU").

    Args:
        size: Number of features that come in and go out.
        ratio: Inner features for each of these.
        dropout: Probability of dropping a feature of what is added, with one mask for a whole sequence.
        norm: Normalise what comes in.
    """

    @checked
    def __init__(self, size: int, ratio: NonNegative, dropout: DropProbability = 0.0, norm: bool = True) -> None:
        super().__init__()
        inner = round(ratio * size)
        if not 1 <= inner <= LARGEST:
            raise UserError(f"a feed-forward has 1 to {LARGEST:,} inner features, and {ratio} times {size} were given")
        self.norm = nn.LayerNorm(size) if norm else nn.Identity()
        self.project = linear(size, 2 * inner)
        self.out = linear(inner, size)
        self.dropout = VariationalDropout(dropout)

    def forward(self, x: Float[Tensor, "batch time size"]) -> Float[Tensor, "batch time size"]:
        gate, values = self.project(self.norm(x)).chunk(2, dim=-1)
        return x + self.dropout(self.out(F.silu(gate) * values))  # type: ignore[no-any-return]
