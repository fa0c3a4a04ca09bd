"""An encoder-decoder network with attention."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from seq2seq.batch import TranslationBatch
from seq2seq.errors import UserError
from seq2seq.models.decoder import Decoder, DecoderState
from seq2seq.models.encoder import Encoder
from seq2seq.models.network import GenerationStepper, Network, Vocabulary
from seq2seq.nn.attention import AttentionFactory, BilinearAttention, Encoding, FixedContext, Memory
from seq2seq.nn.dropout import VariationalDropout, WordDropout
from seq2seq.nn.embedding import embedding
from seq2seq.nn.output import LinearOutput, OutputFactory, OutputInput, RestrictedOutput, no_attention_error
from seq2seq.ranges import Count, Depth, DropProbability, checked
from seq2seq.recurrence import LSTM, EncoderLayerFactory, LayerFactory
from seq2seq.recurrence.residual_block import PLAIN_BLOCK, BlockConfig, ResidualBlock
from seq2seq.search.problem import DecodingProblem, ShortlistIds, Step
from seq2seq.special_tokens import EOS, PAD, UNK
from seq2seq.state import select


class EncodedSource(NamedTuple):
    """What the decoder and the output layer read of the sources, one row per sentence."""

    memory: Memory
    ids: Int[Tensor, "batch source"]
    encoding: Encoding  # of all sentences of a search, also of finished ones: only few output layers read it


class EncoderDecoderOutput(NamedTuple):
    """The input of the output layer and the activations of every layer, for regularizers and inspection."""

    output_input: OutputInput
    encoder_activations: list[Float[Tensor, "batch source size"]]  # after each residual block, from the input up
    decoder_activations: list[Float[Tensor, "batch target size"]]
    target_mask: Bool[Tensor, "batch target"]  # False on padding


class EncoderDecoder(Network):
    """An encoder-decoder (Cho et al., 2014; Sutskever et al., 2014) with attention (Bahdanau et al., 2015).

    Args:
        source_vocab_size: Number of source tokens, special ones included; taken from the data.
        target_vocab_size: Number of target tokens, special ones included; taken from the data.
        shared_vocabulary: Source and target have the same tokens, so one embedding serves both; taken from the data.
        encoder: The encoder's layer: a recurrence, made bidirectional, or SelfAttention.
        decoder: The decoder's recurrent layer.
        attention: The decoder's attention to the source; null gives it one fixed vector instead.
        size: Number of features of every layer.
        depth: Number of encoder layers and of decoder layers.
        embedding_size: Number of features of a token; the same as size by default.
        tied: Use the target's embedding as the output layer too, and as the source's if the vocabulary is shared.
        dropout: Dropout probability of embeddings, layers and the output, with one mask per sentence.
        word_dropout: Probability of replacing an input token of encoder or decoder by the unknown token.
        block: What stands around every layer: norm, residual, feed_forward.
        input_feeding: Feed the decoder's last output back into it; slower, and sometimes better. Dropout between the
            decoder's layers and of its weights is then drawn for every token.
        label_smoothing: Share of each target's probability that is spread over all tokens alike.
        output: The output layer, from the decoder's features to the probabilities of the next token.
    """

    vocabularies: ClassVar[Mapping[str, Vocabulary]] = {
        "source_vocab_size": Vocabulary("source", ("source_embedding",)),
        "target_vocab_size": Vocabulary("target", ("target_embedding",)),
    }
    layer_options: ClassVar[tuple[str, ...]] = ("encoder", "decoder")  # those that name a layer
    neutral_gate_biases: ClassVar[bool] = True  # whether layers learn better if their gates start half open

    @checked
    def __init__(
        self,
        source_vocab_size: Count,
        target_vocab_size: Count,
        shared_vocabulary: bool = False,
        encoder: EncoderLayerFactory = LSTM,
        decoder: LayerFactory = LSTM,
        attention: AttentionFactory | None = BilinearAttention,
        size: Count = 512,
        depth: Depth = 2,
        embedding_size: Count | None = None,
        tied: bool = True,
        dropout: DropProbability = 0.2,
        word_dropout: DropProbability = 0.0,
        block: BlockConfig = PLAIN_BLOCK,
        input_feeding: bool = False,
        label_smoothing: DropProbability = 0.1,
        output: OutputFactory = LinearOutput,
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
        block = block.with_dropout(dropout)
        self.encoder = Encoder(width, size, [encoder] * depth, block)
        self.decoder = Decoder(
            input_size=width,
            size=size,
            output_size=width if tied else size,
            memory_size=size,
            layers=[decoder] * depth,
            attention=FixedContext if attention is None else attention,
            block=block,
            input_feeding=input_feeding,
        )
        self.output = output(width if tied else size, self.decoder.attention.size, target_vocab_size)
        if self.output.reads_attention_weights and isinstance(self.decoder.attention, FixedContext):
            raise no_attention_error(self.output)
        if tied:
            self.output.tie(self.target_embedding)

    def encode(
        self, source: Int[Tensor, "batch source"], lengths: Int[Tensor, " batch"]
    ) -> tuple[EncodedSource, DecoderState]:
        """Encode the sources; return what the decoder and the output layer read of them, and the decoder's state."""
        embedded: Tensor = self.source_embedding(self.word_dropout(source))
        encoding = self.encoder(self.dropout(embedded), lengths)
        memory, state = self.decoder.start(encoding)
        return EncodedSource(memory, source, encoding), state

    def forward(
        self,
        source: Int[Tensor, "batch source"],
        lengths: Int[Tensor, " batch"],
        inputs: Int[Tensor, "batch target"],
    ) -> OutputInput:
        """Return the input of the output layer after every token of `inputs`, attention weights included."""
        encoded, state = self.encode(source, lengths)
        return self.decode(inputs, encoded, state)

    def decode(self, inputs: Int[Tensor, "batch target"], encoded: EncodedSource, state: DecoderState) -> OutputInput:
        """Return the input of the output layer after every token of `inputs`, given the encoded sources."""
        embedded = self.dropout(self.target_embedding(self.word_dropout(inputs)))
        features, context, weights, _ = self.decoder(embedded, encoded.memory, state)
        return OutputInput(self.dropout(features), context, weights, encoded.ids, encoded.encoding)

    def run(self, batch: TranslationBatch) -> EncoderDecoderOutput:
        """Compute the same as `forward`, and return the activations of every layer, too."""
        with record_activations(self.encoder.blocks) as encoder_calls:
            encoded, state = self.encode(batch.source, batch.lengths)
        with record_activations(self.decoder.blocks) as decoder_calls:
            output_input = self.decode(batch.inputs, encoded, state)
        # with input feeding the layers run once per token; an empty target takes one discarded step, cut off here
        return EncoderDecoderOutput(
            output_input,
            concatenate_calls(encoder_calls),
            [y[:, : batch.inputs.shape[1]] for y in concatenate_calls(decoder_calls)],
            batch.targets != PAD,
        )

    def auxiliary_loss(self, output: EncoderDecoderOutput) -> Tensor | float:
        """Return a loss that training adds to the mean loss of a batch's tokens, such as one of attention weights.

        Over several processes it is the mean of the processes' values, each of its own share of the batch: a mean over
        tokens is then a mean of means, not that of the whole batch.

        Args:
            output: The input of the output layer, the activations of every layer of encoder and decoder, and the mask
                of the target, whose padding must not count.
        """
        return 0.0

    def step(
        self,
        tokens: Int[Tensor, " rows"],
        state: DecoderState,
        encoded: EncodedSource,
        shortlist: RestrictedOutput | None = None,
        encoded_rows: Int[Tensor, " sentences"] | None = None,
    ) -> tuple[Float[Tensor, "rows vocab"], DecoderState]:
        """Return the logits of the next token; a `Step` of `seq2seq.search` once the other arguments are bound.

        Args:
            tokens: The last token of each row; with `shortlist`, its index in its sentence's shortlist, as the logits
                are then too.
            state: The state.
            encoded: The encoded sentences.
            shortlist: The output layer over the shortlists; the whole vocabulary by default.
            encoded_rows: Each sentence's row in the memory and the ids of `encoded`, from which some were removed; the
                sentence's own index by default.
        """
        sentence_index = state.sentence_index if encoded_rows is None else encoded_rows[state.sentence_index]
        ids = tokens if shortlist is None else shortlist.ids[sentence_index, tokens]
        features, context, weights, next_state = self.decoder.step(
            self.target_embedding(ids), encoded.memory, state._replace(sentence_index=sentence_index)
        )
        x = OutputInput(
            features[:, None],
            context[:, None],
            weights[:, None],
            encoded.ids.index_select(0, sentence_index),
            encoded.encoding,
            state.sentence_index,
        )
        logits = self.output.logits(x)[:, 0] if shortlist is None else shortlist.logits(x, sentence_index)
        return logits, next_state._replace(sentence_index=state.sentence_index)

    def generation_stepper(self, source_tokens: int = 20) -> GenerationStepper:
        """Return the functions that translate a random source token by token; what they attend to is not in the state.

        Args:
            source_tokens: Length of the source.
        """
        source = torch.randint(EOS + 1, self.source_embedding.num_embeddings, (1, source_tokens + 1))
        source[0, -1] = EOS
        encoded, state = self.encode(source.to(self.device), torch.tensor([source_tokens + 1], device=self.device))
        return GenerationStepper(
            lambda ids, state: self.decoder(self.target_embedding(ids), encoded.memory, state).state,
            partial(self.step, encoded=encoded),
            state,
            self.output.vocab_size,
        )

    def decoding_problem(
        self,
        source: Int[Tensor, "batch source"],
        lengths: Int[Tensor, " batch"],
        shortlist_ids: Int[Tensor, "batch shortlist"] | None = None,
    ) -> DecodingProblem[DecoderState]:
        """Return the search problem for these sources, over the whole target vocabulary or over a shortlist for each.

        A shortlist holds ids in ascending order with all special ones first, and NO_TOKEN at the end where it is
        shorter. The search then works on indices in the shortlist, which for special tokens are their ids.
        """
        encoded, state = self.encode(source, lengths)
        shortlist = None if shortlist_ids is None else self.output.restrict(shortlist_ids)
        step = partial(self.step, encoded=encoded, shortlist=shortlist)
        restrict = partial(self.restrict, encoded=encoded, shortlist=shortlist)
        tokens = None if shortlist_ids is None else ShortlistIds(shortlist_ids, self.output.vocab_size)
        return DecodingProblem(step, state, restrict, tokens)

    def restrict(
        self, sentences: Int[Tensor, " kept"], encoded: EncodedSource, shortlist: RestrictedOutput | None = None
    ) -> Step[DecoderState]:
        """Return the step for these sentences only; the others' memory is freed once it is half or more."""
        if 2 * len(sentences) > len(encoded.ids):
            return partial(self.step, encoded=encoded, shortlist=shortlist)
        encoded_rows = sentences.new_zeros(len(encoded.ids))
        encoded_rows[sentences] = torch.arange(len(sentences), device=sentences.device)
        kept = None if shortlist is None else shortlist.select(sentences)
        memory, ids = select((encoded.memory, encoded.ids), sentences)
        alive = EncodedSource(memory, ids, encoded.encoding)
        return partial(self.step, encoded=alive, shortlist=kept, encoded_rows=encoded_rows)

    def token_nats(self, batch: TranslationBatch) -> Float[Tensor, "batch target"]:
        """Return the negative log-probability of every target token in nats, 0 on padding."""
        return self.output.token_nats(self(batch.source, batch.lengths, batch.inputs), batch.targets)


@contextmanager
def record_activations(blocks: Iterable[ResidualBlock]) -> Iterator[list[list[Tensor]]]:
    """Record the outputs of residual blocks in the context: for each block those of all its calls."""
    blocks = list(blocks)
    calls: list[list[Tensor]] = [[] for _ in blocks]
    hooks = [
        block.register_forward_hook(lambda _, x, y, outputs=outputs: outputs.append(y))
        for block, outputs in zip(blocks, calls, strict=True)
    ]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def concatenate_calls(calls: list[list[Tensor]]) -> list[Float[Tensor, "batch time size"]]:
    """Return the outputs of each layer that was called, those of several calls one after another in time."""
    return [outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1) for outputs in calls if outputs]
