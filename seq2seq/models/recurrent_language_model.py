"""A recurrent language model: the next token given all before it."""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.models.network import Network
from seq2seq.nn.dropout import VariationalDropout, WordDropout
from seq2seq.nn.embedding import embedding, output_layer
from seq2seq.nn.loss import token_nats
from seq2seq.ranges import Count, Depth, DropProbability, NonNegative, checked
from seq2seq.recurrence import LSTM, LayerFactory, Stack
from seq2seq.special_tokens import UNK


class RecurrentLanguageModel(Network):
    """A recurrent language model (Mikolov et al., 2010).

    Args:
        vocab_size: Number of tokens, special ones included; taken from the data.
        layer: The recurrent layer.
        size: Number of features of every layer.
        depth: Number of layers.
        embedding_size: Number of features of a token; the same as size by default.
        tied: Use the embedding as the output layer too.
        dropout: Dropout probability of the embedding and of every layer, with one mask per sequence.
        word_dropout: Probability of replacing an input token by the unknown token.
        norm: LayerNorm before every layer and after the last one.
        residual: Add a layer's input to its output, where the sizes allow it.
        feed_forward: Hidden features, as a multiple of size, of a gated feed-forward after every layer; 0 for none.
    """

    @checked
    def __init__(
        self,
        vocab_size: Count,
        layer: LayerFactory = LSTM,
        size: Count = 512,
        depth: Depth = 2,
        embedding_size: Count | None = None,
        tied: bool = True,
        dropout: DropProbability = 0.1,
        word_dropout: DropProbability = 0.0,
        norm: bool = False,
        residual: bool = False,
        feed_forward: NonNegative = 0.0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        width = size if embedding_size is None else embedding_size
        self.vocab_size = vocab_size
        self.embedding = embedding(vocab_size, width)
        self.word_dropout = WordDropout(word_dropout, UNK)
        self.dropout = VariationalDropout(dropout)
        self.stack = Stack(width, size, [layer] * depth, dropout, norm, residual, feed_forward)
        self.output_adapter = nn.Linear(size, width) if tied and width != size else nn.Identity()
        self.output = output_layer(width if tied else size, vocab_size, self.embedding if tied else None)

    def initial_state(self, batch: int) -> tuple[Any, ...]:
        return self.stack.initial_state(batch)

    def forward(
        self,
        ids: Int[Tensor, "batch time"],
        state: tuple[Any, ...] | None = None,
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> tuple[Float[Tensor, "batch time size"], tuple[Any, ...]]:
        """Return the features that go into the output layer at every step, and the state after the last one."""
        x = self.dropout(self.embedding(self.word_dropout(ids)))
        y, state = self.stack(x, state, lengths)
        return self.output_adapter(y), state

    def step(self, tokens: Int[Tensor, " batch"], state: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
        """Return the logits of the next token, [batch, vocab], and the next state: a `Step` of `seq2seq.search`."""
        y, state = self.stack.step(self.embedding(tokens), state)
        return self.output(self.output_adapter(y)), state

    def token_nats(
        self,
        inputs: Int[Tensor, "batch time"],
        targets: Int[Tensor, "batch time"],
        state: tuple[Any, ...] | None = None,
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> tuple[Float[Tensor, "batch time"], tuple[Any, ...]]:
        """Return the negative log-probability of every target in nats, 0 where it is PAD, and the final state."""
        features, state = self(inputs, state, lengths)
        return token_nats(features, self.output, targets), state
