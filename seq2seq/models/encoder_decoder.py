"""A network for text given other text: an encoder, and a decoder that looks at it."""

from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.batch import TranslationBatch
from seq2seq.errors import UserError
from seq2seq.models.decoder import Decoder, DecoderOutput, DecoderState
from seq2seq.models.encoder import Encoder
from seq2seq.models.network import Network
from seq2seq.models.shortlist_output import ShortlistOutput
from seq2seq.nn.attention import AttentionFactory, BilinearAttention, FixedContext, Memory
from seq2seq.nn.dropout import VariationalDropout, WordDropout
from seq2seq.nn.embedding import embedding, output_layer
from seq2seq.nn.loss import token_nats
from seq2seq.ranges import Count, Depth, DropProbability, NonNegative, checked
from seq2seq.recurrence import LSTM, LayerFactory, ReaderFactory
from seq2seq.search import DecodingProblem, Step
from seq2seq.special_tokens import UNK
from seq2seq.state import select


class EncoderDecoder(Network):
    """An encoder-decoder (Cho et al., 2014; Sutskever et al., 2014) with attention (Bahdanau et al., 2015).

    Args:
        source_vocab_size: Number of source tokens, special ones included; taken from the data.
        target_vocab_size: Number of target tokens, special ones included; taken from the data.
        shared_vocabulary: Source and target have the same tokens, so one embedding serves both; taken from the data.
        encoder: What reads the source: a recurrence, from both ends, or SelfAttention.
        decoder: What carries memory through the target.
        attention: How the decoder looks at the source; null gives it one fixed vector instead.
        size: Number of features of every layer.
        depth: Number of encoder layers and of decoder layers.
        embedding_size: Number of features of a token; the same as size by default.
        tied: Use the target's embedding as the output layer too, and as the source's if the vocabulary is shared.
        dropout: Probability of dropping a feature of embeddings, layers and the output, one mask a sentence.
        word_dropout: Probability of hiding a token of the source, and of what the decoder reads.
        norm: Layer normalisation before every layer and after the last one.
        residual: Add what goes into a layer to what comes out, where the sizes allow it.
        feed_forward: Inner features, for each feature, of a gated feed-forward after every layer; 0 for none.
        input_feeding: Feed what the decoder said last back into it; slower, and sometimes better. Dropout between the
            decoder's layers and of its weights is then drawn for every word.
        label_smoothing: Share of each target's probability that all words get alike.
    """

    @checked
    def __init__(
        self,
        source_vocab_size: Count,
        target_vocab_size: Count,
        shared_vocabulary: bool = False,
        encoder: ReaderFactory = LSTM,
        decoder: LayerFactory = LSTM,
        attention: AttentionFactory | None = BilinearAttention,
        size: Count = 512,
        depth: Depth = 2,
        embedding_size: Count | None = None,
        tied: bool = True,
        dropout: DropProbability = 0.2,
        word_dropout: DropProbability = 0.0,
        norm: bool = False,
        residual: bool = False,
        feed_forward: NonNegative = 0.0,
        input_feeding: bool = False,
        label_smoothing: DropProbability = 0.1,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        if shared_vocabulary and source_vocab_size != target_vocab_size:
            raise UserError(
                f"a shared vocabulary has one size, not {source_vocab_size} for the source and {target_vocab_size} "
                f"for the target"
            )
        width = size if embedding_size is None else embedding_size
        self.label_smoothing = label_smoothing
        self.target_embedding = embedding(target_vocab_size, width)
        self.source_embedding = (
            self.target_embedding if tied and shared_vocabulary else embedding(source_vocab_size, width)
        )
        self.word_dropout = WordDropout(word_dropout, UNK)
        self.dropout = VariationalDropout(dropout)
        self.encoder = Encoder(width, size, [encoder] * depth, dropout, norm, residual, feed_forward)
        self.decoder = Decoder(
            input_size=width,
            size=size,
            output_size=width if tied else size,
            memory_size=size,
            layers=[decoder] * depth,
            attention=FixedContext if attention is None else attention,
            dropout=dropout,
            norm=norm,
            residual=residual,
            feed_forward=feed_forward,
            input_feeding=input_feeding,
        )
        self.output = output_layer(width if tied else size, target_vocab_size, self.target_embedding if tied else None)

    def start(self, source: Int[Tensor, "batch source"], lengths: Int[Tensor, " batch"]) -> tuple[Memory, DecoderState]:
        """Read the sources: what the decoder will look at, and the state that it starts from."""
        words: Tensor = self.source_embedding(self.word_dropout(source))
        return self.decoder.start(self.encoder(self.dropout(words), lengths))

    def forward(
        self,
        source: Int[Tensor, "batch source"],
        lengths: Int[Tensor, " batch"],
        inputs: Int[Tensor, "batch target"],
    ) -> DecoderOutput:
        """What the output layer reads after every token of `inputs`, and where the decoder looked."""
        memory, state = self.start(source, lengths)
        reading: DecoderOutput = self.decoder(
            self.dropout(self.target_embedding(self.word_dropout(inputs))), memory, state
        )
        return reading._replace(features=self.dropout(reading.features))

    def step(
        self,
        tokens: Int[Tensor, " rows"],
        state: DecoderState,
        memory: Memory,
        few: ShortlistOutput | None = None,
        numbers: Int[Tensor, " sentences"] | None = None,
    ) -> tuple[Float[Tensor, "rows vocab"], DecoderState]:
        """Logits of the next token, a `Step` of `seq2seq.search` once the rest is given.

        Args:
            tokens: The last token of each row; with `few`, its number among its sentence's candidates, as what comes
                out is.
            state: The state.
            memory: What the sentences left.
            few: The words that they may say; all by default.
            numbers: The place of each sentence in `memory`, of which some may have left; the same by default.
        """
        owners = state.sentence if numbers is None else numbers[state.sentence]
        words = tokens if few is None else few.ids[owners, tokens]
        said, _, after = self.decoder.step(self.target_embedding(words), memory, state._replace(sentence=owners))
        logits: Tensor = self.output(said) if few is None else few(said, owners)
        return logits, after._replace(sentence=state.sentence)

    def problem(
        self,
        source: Int[Tensor, "batch source"],
        lengths: Int[Tensor, " batch"],
        candidates: Int[Tensor, "batch candidates"] | None = None,
    ) -> DecodingProblem[DecoderState]:
        """What a search has to solve for these sources: over all target words, or over few candidates for each.

        These are ids in ascending order with all special ones, NONE at the end where there are fewer; in the search
        they go by their numbers among them, which special ones keep.
        """
        memory, state = self.start(source, lengths)
        few = None if candidates is None else ShortlistOutput.of(self.output, candidates)
        return DecodingProblem(
            partial(self.step, memory=memory, few=few), state, partial(self.narrow, memory=memory, few=few)
        )

    def narrow(
        self, sentences: Int[Tensor, " kept"], memory: Memory, few: ShortlistOutput | None = None
    ) -> Step[DecoderState]:
        """The step for some of the sentences only; the others' memory goes when it is more than theirs."""
        if 2 * len(sentences) > len(memory.real):
            return partial(self.step, memory=memory, few=few)
        numbers = sentences.new_zeros(len(memory.real))
        numbers[sentences] = torch.arange(len(sentences), device=sentences.device)
        kept = None if few is None else few.select(sentences)
        return partial(self.step, memory=select(memory, sentences), few=kept, numbers=numbers)

    def nats(self, batch: TranslationBatch) -> Float[Tensor, "batch target"]:
        """Negative log-probability of every target token, 0 on padding."""
        features = self(batch.source, batch.lengths, batch.inputs).features
        return token_nats(features, self.output, batch.targets)
