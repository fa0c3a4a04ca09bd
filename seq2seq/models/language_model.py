"""A recurrent language model: the next token given all before it."""

from collections.abc import Mapping
from typing import Any, ClassVar

from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.models.network import GenerationStepper, Network, Vocabulary
from seq2seq.nn.dropout import VariationalDropout, WordDropout
from seq2seq.nn.embedding import embedding
from seq2seq.nn.output import LinearOutput, OutputFactory, OutputInput
from seq2seq.ranges import Count, Depth, DropProbability, checked
from seq2seq.recurrence import LSTM, LayerFactory, Stack
from seq2seq.recurrence.residual_block import PLAIN_BLOCK, BlockConfig
from seq2seq.recurrence.stack import StackOutput
from seq2seq.special_tokens import UNK


class LanguageModelNetwork(Network):
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
        block: What stands around every layer: norm, residual, feed_forward.
        output: The output layer, from features to the probabilities of the next token.
    """

    vocabularies: ClassVar[Mapping[str, Vocabulary]] = {"vocab_size": Vocabulary("source", ("embedding",))}
    embedding_feeds_stack: ClassVar[bool] = True  # directly, so that quantization may fold them into one table
    layer_options: ClassVar[tuple[str, ...]] = ("layer",)  # those that name a layer

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
        block: BlockConfig = PLAIN_BLOCK,
        output: OutputFactory = LinearOutput,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        width = size if embedding_size is None else embedding_size
        self.vocab_size = vocab_size
        self.embedding = embedding(vocab_size, width)
        self.word_dropout = WordDropout(word_dropout, UNK)
        self.dropout = VariationalDropout(dropout)
        block = block.with_dropout(dropout)
        self.stack = Stack(width, size, [layer] * depth, block)
        self.output_adapter = nn.Linear(size, width) if tied and width != size else nn.Identity()
        self.output = output(width if tied else size, 0, vocab_size)
        if tied:
            self.output.tie(self.embedding)

    def initial_state(self, batch: int) -> tuple[Any, ...]:
        return self.stack.initial_state(batch)

    def forward(
        self,
        ids: Int[Tensor, "batch time"],
        state: tuple[Any, ...] | None = None,
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> tuple[Float[Tensor, "batch time size"], tuple[Any, ...]]:
        """Return the features that go into the output layer at every step, and the state after the last one."""
        features, state, _ = self.run(ids, state, lengths)
        return features, state

    def run(
        self,
        ids: Int[Tensor, "batch time"],
        state: tuple[Any, ...] | None = None,
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> StackOutput:
        """Compute the same as `forward`, and return the activations of every layer, too."""
        x = self.dropout(self.embedding(self.word_dropout(ids)))
        output = self.stack.run(x, state, lengths)
        return output._replace(output=self.output_adapter(output.output))

    def output_input(self, y: Float[Tensor, "batch time size"]) -> OutputInput:
        """Return the input of the output layer, given the output of the stack."""
        return OutputInput(self.output_adapter(y))

    def auxiliary_loss(self, output: StackOutput) -> Tensor | float:
        """Return a loss that training adds to the mean loss of a batch's tokens, such as a norm of activations.

        Args:
            output: The features, the final state, and the activations of every layer.
        """
        return 0.0

    def step(self, tokens: Int[Tensor, " batch"], state: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
        """Return the logits of the next token, [batch, vocab], and the next state: a `Step` of `seq2seq.search`."""
        y, state = self.stack.step(self.embedding(tokens), state)
        return self.output.logits(self.output_input(y[:, None]))[:, 0], state

    def generation_stepper(self) -> GenerationStepper:
        """Return the functions that generate a text token by token."""
        return GenerationStepper(
            lambda ids, state: self(ids, state)[1], self.step, self.initial_state(1), self.vocab_size
        )

    def token_nats(
        self,
        inputs: Int[Tensor, "batch time"],
        targets: Int[Tensor, "batch time"],
        state: tuple[Any, ...] | None = None,
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> tuple[Float[Tensor, "batch time"], tuple[Any, ...]]:
        """Return the negative log-probability of every target in nats, 0 where it is PAD, and the final state."""
        features, state = self(inputs, state, lengths)
        return self.output.token_nats(OutputInput(features), targets), state
