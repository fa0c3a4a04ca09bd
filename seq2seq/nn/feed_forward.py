"""The position-wise feed-forward layer of a Transformer (Vaswani et al., 2017, section 3.3), with a gate."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.errors import UserError
from seq2seq.nn.dropout import VariationalDropout
from seq2seq.nn.linear import linear
from seq2seq.ranges import LARGEST, DropProbability, NonNegative, checked


class FeedForward(nn.Module):
    """x + W (silu(U n) * V n), where n is LayerNorm(x) (Shazeer, 2020, "SwiGLU").

    Args:
        size: Number of input and output features.
        ratio: Number of hidden features as a multiple of size.
        dropout: Dropout probability of what is added to x, with one mask for a whole sequence.
        norm: LayerNorm on the input.
    """

    @checked
    def __init__(self, size: int, ratio: NonNegative, dropout: DropProbability = 0.0, norm: bool = True) -> None:
        super().__init__()
        hidden_size = round(ratio * size)
        if not 1 <= hidden_size <= LARGEST:
            raise UserError(f"feed_forward ({ratio}) times size ({size}) must be 1 to {LARGEST:,} hidden features")
        self.norm = nn.LayerNorm(size) if norm else nn.Identity()
        self.input_projection = linear(size, 2 * hidden_size)
        self.output_projection = linear(hidden_size, size)
        self.dropout = VariationalDropout(dropout)

    def forward(self, x: Float[Tensor, "batch time size"]) -> Float[Tensor, "batch time size"]:
        gate, values = self.input_projection(self.norm(x)).chunk(2, dim=-1)
        return x + self.dropout(self.output_projection(F.silu(gate) * values))  # type: ignore[no-any-return]
