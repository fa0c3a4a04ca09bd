"""Normalization, dropout, residual connection and feed-forward around each layer of a stack."""

from jaxtyping import Float
from torch import Tensor, nn

from seq2seq.nn.dropout import VariationalDropout
from seq2seq.nn.feed_forward import FeedForward
from seq2seq.ranges import Count, DropProbability, NonNegative, checked


class ResidualBlock(nn.Module):
    """LayerNorm before a layer; dropout, residual connection and feed-forward after it.

    Args:
        input_size: Number of input features of the layer.
        size: Number of output features of the layer.
        dropout: Probability of dropping an output feature of the layer, with one mask for a whole sequence.
        norm: Apply LayerNorm (Ba et al., 2016) to the input of the layer and of the feed-forward.
        residual: Add the layer's input to its output, if their sizes are equal.
        feed_forward: Inner size of the gated feed-forward, as a multiple of `size`; 0 for none.
    """

    @checked
    def __init__(
        self,
        input_size: Count,
        size: Count,
        dropout: DropProbability,
        norm: bool,
        residual: bool,
        feed_forward: NonNegative,
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(input_size) if norm else nn.Identity()
        self.dropout = VariationalDropout(dropout)
        self.residual = residual and input_size == size
        self.feed_forward = FeedForward(size, feed_forward, dropout, norm) if feed_forward else nn.Identity()

    def forward(
        self, x: Float[Tensor, "batch time input"], y: Float[Tensor, "batch time size"]
    ) -> Float[Tensor, "batch time size"]:
        """Return the block's output from its input x and the layer's output y."""
        y = self.dropout(y)
        return self.feed_forward(x + y if self.residual else y)  # type: ignore[no-any-return]
