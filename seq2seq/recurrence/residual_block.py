"""Normalization, dropout, residual connection and feed-forward around each layer of a stack."""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor, nn

from seq2seq.nn.dropout import VariationalDropout
from seq2seq.nn.feed_forward import FeedForward
from seq2seq.ranges import Count, DropProbability, NonNegative, check_fields, checked


@dataclass(frozen=True)
class BlockConfig:
    """What stands around every layer of a stack.

    Args:
        norm: Apply LayerNorm (Ba et al., 2016) to the input of every layer and to the output of the last one.
        residual: Add the input of a layer to its output, where their sizes are equal.
        feed_forward: Hidden features, as a multiple of size, of a gated feed-forward after every layer; 0 for none.
        dropout: Probability of dropping an output feature of a layer, with one mask for a whole sequence; null for the
            dropout of the model.
    """

    norm: bool = False
    residual: bool = False
    feed_forward: NonNegative = 0.0
    dropout: DropProbability | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    def with_dropout(self, dropout: float) -> "BlockConfig":
        """Return the same block with this dropout, if it has none of its own."""
        return replace(self, dropout=dropout) if self.dropout is None else self

    def layer_norm(self, size: int) -> nn.Module:
        """Return LayerNorm, or the identity without `norm`."""
        return nn.LayerNorm(size) if self.norm else nn.Identity()


PLAIN_BLOCK = BlockConfig()


class ResidualBlock(nn.Module):
    """LayerNorm before a layer; dropout, residual connection and feed-forward after it.

    Args:
        input_size: Number of input features of the layer.
        size: Number of output features of the layer.
        config: Which of them there are.
    """

    @checked
    def __init__(self, input_size: Count, size: Count, config: BlockConfig) -> None:
        super().__init__()
        self.norm = config.layer_norm(input_size)
        dropout = config.dropout or 0.0
        self.dropout = VariationalDropout(dropout)
        self.residual = config.residual and input_size == size
        self.feed_forward = (
            FeedForward(size, config.feed_forward, dropout, config.norm) if config.feed_forward else nn.Identity()
        )

    def forward(
        self, x: Float[Tensor, "batch time input"], y: Float[Tensor, "batch time size"]
    ) -> Float[Tensor, "batch time size"]:
        """Return the block's output from its input x and the layer's output y."""
        y = self.dropout(y)
        return self.feed_forward(x + y if self.residual else y)  # type: ignore[no-any-return]
