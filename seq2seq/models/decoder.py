"""The decoder: the target, token by token, with attention to the source."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.nn.attention import AttentionFactory, Encoding, Memory
from seq2seq.nn.linear import linear
from seq2seq.ranges import Count, checked
from seq2seq.recurrence import LayerFactory, Stack
from seq2seq.recurrence.ops.packed_loop import packed_loop
from seq2seq.recurrence.residual_block import PLAIN_BLOCK, BlockConfig, ResidualBlock


class DecoderState(NamedTuple):
    """The state that a decoder carries from token to token."""

    query_state: tuple[Any, ...]  # of query_stack
    attention_state: Any  # of the attention; most have an empty one
    output_state: tuple[Any, ...]  # of output_stack
    input_feed: Float[Tensor, "batch feed"]  # the last features; of size 0 without input feeding
    sentence_index: Int[Tensor, " batch"]  # index in memory of the sentence that each row attends to, ascending


class DecoderOutput(NamedTuple):
    """The outputs of a decoder after each token of the target, or after one token for each row."""

    features: Float[Tensor, "*tokens size"]
    context: Float[Tensor, "*tokens context"]
    weights: Float[Tensor, "*tokens source"]  # attention weights
    state: DecoderState


class Decoder(nn.Module):
    """A stack of layers whose first one gives the attention's query and whose others read the context (GNMT).

    With attention between the layers (Wu et al., 2016) no loop over time in Python is needed; with input feeding, which
    needs that loop anyway, the last layer gives the query, as published. The features are tanh(W [h; context]) (Luong
    et al., 2015, equation 5). The summary of the source is the decoder's first input, which initializes the state of
    any layer.

    Args:
        input_size: Number of features of a target token.
        size: Number of features of every layer.
        output_size: Number of features that go into the output layer.
        memory_size: Number of features of the encoder's states.
        layers: The recurrent layers, from the input up.
        attention: The attention to the source.
        block: What stands around every layer; with `residual`, the query is also added to the context.
        input_feeding: Feed the last features back in beside the next token (Luong et al., 2015, section 3.3); token by
            token, so that dropout is drawn for every token.
    """

    @checked
    def __init__(
        self,
        input_size: Count,
        size: Count,
        output_size: Count,
        memory_size: Count,
        layers: Sequence[LayerFactory],
        attention: AttentionFactory,
        block: BlockConfig = PLAIN_BLOCK,
        input_feeding: bool = False,
    ) -> None:
        super().__init__()
        self.input_feed_size = output_size if input_feeding else 0
        self.bridge = linear(memory_size, input_size)
        query_layers = len(layers) if input_feeding else 1
        self.query_stack = Stack(input_size + self.input_feed_size, size, layers[:query_layers], block)
        self.attention = attention(size, memory_size)
        # as in a Transformer (Vaswani et al., 2017, section 3.1): a sum keeps what the query holds beside the context
        self.adds_context = block.residual and self.attention.size == size
        combined_size = size if self.adds_context else size + self.attention.size
        output_layers = layers[query_layers:]
        self.output_stack = Stack(combined_size, size, output_layers, block) if output_layers else None
        self.feature_projection = linear(combined_size, output_size)

    @property
    def blocks(self) -> list[ResidualBlock]:
        """The residual blocks around the layers, from the input up."""
        return [*self.query_stack.blocks, *(self.output_stack.blocks if self.output_stack is not None else ())]

    def start(self, encoding: Encoding) -> tuple[Memory, DecoderState]:
        """Return keys and values of the source, and the state after reading its summary."""
        batch = len(encoding.summary)
        input_feed = encoding.summary.new_zeros(batch, self.input_feed_size)
        x = torch.cat([torch.tanh(self.bridge(encoding.summary)), input_feed], dim=-1)
        _, query_state = self.query_stack.step(x, self.query_stack.initial_state(batch))
        output_state = self.output_stack.initial_state(batch) if self.output_stack is not None else ()
        sentence_index = torch.arange(batch, device=input_feed.device)
        memory = self.attention.project_keys(encoding)
        attention_state = self.attention.initial_state(memory)
        return memory, DecoderState(query_state, attention_state, output_state, input_feed, sentence_index)

    def forward(self, x: Float[Tensor, "batch target input"], memory: Memory, state: DecoderState) -> DecoderOutput:
        """Decode a whole target, with one call of every layer unless there is input feeding."""
        if self.input_feed_size:
            return self.forward_input_feeding(x, memory, state)
        hidden, query_state = self.query_stack(x, state.query_state)
        context, weights, attention_state = self.attention(hidden, memory, state.attention_state)
        output_state = state.output_state
        if self.output_stack is not None:
            hidden, output_state = self.output_stack(self.combine(hidden, context), output_state)
        features = torch.tanh(self.feature_projection(self.combine(hidden, context)))
        next_state = state._replace(query_state=query_state, attention_state=attention_state, output_state=output_state)
        return DecoderOutput(features, context, weights, next_state)

    def combine(self, hidden: Tensor, context: Tensor) -> Tensor:
        """Return the sum of hidden state and context, or their concatenation."""
        return hidden + context if self.adds_context else torch.cat([hidden, context], dim=-1)

    def forward_input_feeding(
        self, x: Float[Tensor, "batch target input"], memory: Memory, state: DecoderState
    ) -> DecoderOutput:
        """Decode a whole target token by token."""
        if not x.shape[1]:  # a step whose result is discarded gives the output shapes
            features, context, weights, _ = self.decode_step(x.sum(dim=1), memory, state)
            features, context, weights = (part[:, None][:, :0] for part in (features, context, weights))
            return DecoderOutput(features, context, weights, state)
        steps = []
        with packed_loop(x):
            for x_t in x.unbind(dim=1):
                output = self.decode_step(x_t, memory, state)
                steps.append(output[:3])
                state = output.state
        features, context, weights = (torch.stack(part, dim=1) for part in zip(*steps, strict=True))
        return DecoderOutput(features, context, weights, state)

    def step(self, x: Float[Tensor, "rows input"], memory: Memory, state: DecoderState) -> DecoderOutput:
        """Decode one token. Several rows of a sentence, as in beam search, share its memory."""
        return self.decode_step(x, memory, state, state.sentence_index)

    def decode_step(
        self,
        x: Float[Tensor, "rows input"],
        memory: Memory,
        state: DecoderState,
        sentence_index: Int[Tensor, " rows"] | None = None,
    ) -> DecoderOutput:
        """Decode one token for rows of these sentences, by default one row per sentence."""
        query_input = torch.cat([x, state.input_feed.to(x.dtype)], dim=-1)
        hidden, query_state = self.query_stack.step(query_input, state.query_state)
        context, weights, attention_state = self.attention.step_rows(
            hidden, memory, state.attention_state, sentence_index
        )
        output_state = state.output_state
        if self.output_stack is not None:
            hidden, output_state = self.output_stack.step(self.combine(hidden, context), output_state)
        features = torch.tanh(self.feature_projection(self.combine(hidden, context)))
        input_feed = features if self.input_feed_size else state.input_feed
        next_state = DecoderState(query_state, attention_state, output_state, input_feed, state.sentence_index)
        return DecoderOutput(features, context, weights, next_state)
