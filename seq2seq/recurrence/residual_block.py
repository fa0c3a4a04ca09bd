"""What stands around every layer of a stack, whatever the layer is."""

from jaxtyping import Float
from torch import Tensor, nn

from seq2seq.nn.dropout import VariationalDropout
from seq2seq.nn.feed_forward import FeedForward
from seq2seq.ranges import Count, DropProbability, NonNegative, checked


class ResidualBlock(nn.Module):
    """Normalisation before a layer; dropout, the sum with what went in and a feed-forward after it.

    Args:
        input_size: Number of features that go into the layer.
        size: Number of features that come out of it.
        dropout: Probability of dropping an output of the layer, with one mask for a whole sequence.
        norm: Normalise what goes into the layer (Ba et al., 2016), and into the feed-forward.
        residual: Add what went into the layer to what comes out of it, where the sizes allow it.
        feed_forward: Inner features of a gated feed-forward for each feature; 0 for none.
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
        self.before = nn.LayerNorm(input_size) if norm else nn.Identity()
        self.dropout = VariationalDropout(dropout)
        self.residual = residual and input_size == size
        self.feed_forward = FeedForward(size, feed_forward, dropout, norm) if feed_forward else nn.Identity()

    def forward(
        self, x: Float[Tensor, "batch time input"], y: Float[Tensor, "batch time size"]
    ) -> Float[Tensor, "batch time size"]:
        """What goes on, from what went in and what the layer made of it."""
        y = self.dropout(y)
        return self.feed_forward(x + y if self.residual else y)  # type: ignore[no-any-return]
