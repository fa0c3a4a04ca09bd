"""The target, written word by word while looking at the source."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.kernels.elementwise import tanh
from seq2seq.nn.attention import AttentionFactory, Encoding, Memory
from seq2seq.nn.linear import linear
from seq2seq.ranges import Count, DropProbability, NonNegative, checked
from seq2seq.recurrence import LayerFactory, Stack
from seq2seq.recurrence.ops.packed_loop import packed_loop


class DecoderState(NamedTuple):
    """What changes from word to word."""

    lower: tuple[Any, ...]
    upper: tuple[Any, ...]
    feed: Float[Tensor, "batch feed"]  # what was last said; of size 0 without input feeding
    sentence: Int[Tensor, " batch"]  # whose memory a row looks at; in order


class DecoderOutput(NamedTuple):
    """What a decoder says after each word of the target."""

    features: Float[Tensor, "batch target size"]
    weights: Float[Tensor, "batch target source"]  # where it looked
    state: DecoderState


class Decoder(nn.Module):
    """A stack of layers, whose first one asks the attention and whose others read the answer (Wu et al., 2016, GNMT).

    The answer reaches the memory without a loop over time in Python; with input feeding, which needs that loop anyway,
    the last layer asks, as published. What is said is tanh(W [h; context]) (Luong et al., 2015, equation 5). The
    summary of the source is the first thing that the decoder reads, which starts any layer's state.

    Args:
        input_size: Number of features of a target word.
        size: Number of features of every layer.
        output_size: Number of features of what is said.
        memory_size: Number of features of the encoder's states.
        layers: What carries memory through time, from the input up.
        attention: How the source is looked at.
        dropout: Probability of dropping an output of a layer, with one mask for a whole sentence.
        norm: Normalise what goes into every layer and what leaves the last one.
        residual: Add what went into a layer to what comes out of it, and what asked the attention to its answer, where
            the sizes allow it.
        feed_forward: Inner features, for each feature, of a gated feed-forward after every layer; 0 for none.
        input_feeding: Read what was last said beside the next word (Luong et al., 2015, section 3.3); word by word, so
            that dropout is drawn for every word.
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
        dropout: DropProbability = 0.0,
        norm: bool = False,
        residual: bool = False,
        feed_forward: NonNegative = 0.0,
        input_feeding: bool = False,
    ) -> None:
        super().__init__()
        self.feed_size = output_size if input_feeding else 0
        self.bridge = linear(memory_size, input_size)
        around = (dropout, norm, residual, feed_forward)
        asking = len(layers) if input_feeding else 1
        self.lower = Stack(input_size + self.feed_size, size, layers[:asking], *around)
        self.attention = attention(size, memory_size)
        # as in a Transformer (Vaswani et al., 2017, section 3.1), whose layers would lose what they do not look at
        self.adds = residual and self.attention.size == size
        seen = size if self.adds else size + self.attention.size
        above = layers[asking:]
        self.upper = Stack(seen, size, above, *around) if above else None
        self.combine = linear(seen, output_size)

    def start(self, encoding: Encoding) -> tuple[Memory, DecoderState]:
        """What is looked at, and the state after reading the summary of the source."""
        batch = len(encoding.summary)
        feed = encoding.summary.new_zeros(batch, self.feed_size)
        x = torch.cat([torch.tanh(self.bridge(encoding.summary)), feed], dim=-1)
        _, lower = self.lower.step(x, self.lower.initial_state(batch))
        upper = self.upper.initial_state(batch) if self.upper is not None else ()
        sentence = torch.arange(batch, device=feed.device)
        return self.attention.remember(encoding), DecoderState(lower, upper, feed, sentence)

    def forward(self, x: Float[Tensor, "batch target input"], memory: Memory, state: DecoderState) -> DecoderOutput:
        """Read a whole target, in one call of every layer unless what is said is fed back."""
        if self.feed_size:
            return self.loop(x, memory, state)
        hidden, lower = self.lower(x, state.lower)
        context, weights = self.attention(hidden, memory)
        upper = state.upper
        if self.upper is not None:
            hidden, upper = self.upper(self.join(hidden, context), upper)
        features = torch.tanh(self.combine(self.join(hidden, context)))
        return DecoderOutput(features, weights, state._replace(lower=lower, upper=upper))

    def join(self, hidden: Tensor, context: Tensor) -> Tensor:
        """What was said and what was seen: side by side, or their sum."""
        return hidden + context if self.adds else torch.cat([hidden, context], dim=-1)

    def loop(self, x: Float[Tensor, "batch target input"], memory: Memory, state: DecoderState) -> DecoderOutput:
        """The same, one word at a time."""
        if not x.shape[1]:  # a word that does not count knows the shapes of what comes out
            said, looked, _ = self.read(x.sum(dim=1), memory, state)
            return DecoderOutput(said[:, None][:, :0], looked[:, None][:, :0], state)
        features, weights = [], []
        with packed_loop(x):
            for now in x.unbind(dim=1):
                said, looked, state = self.read(now, memory, state)
                features.append(said)
                weights.append(looked)
        return DecoderOutput(torch.stack(features, dim=1), torch.stack(weights, dim=1), state)

    def step(
        self, x: Float[Tensor, "rows input"], memory: Memory, state: DecoderState
    ) -> tuple[Float[Tensor, "rows size"], Float[Tensor, "rows source"], DecoderState]:
        """Read one word. Several rows of a sentence, as in beam search, share its memory."""
        return self.read(x, memory, state, state.sentence)

    def read(
        self,
        x: Float[Tensor, "rows input"],
        memory: Memory,
        state: DecoderState,
        sentences: Int[Tensor, " rows"] | None = None,
    ) -> tuple[Float[Tensor, "rows size"], Float[Tensor, "rows source"], DecoderState]:
        """Read one word of these sentences, by default one row of each."""
        hidden, lower = self.lower.step(torch.cat([x, state.feed.to(x.dtype)], dim=-1), state.lower)
        context, weights = self.attention.look(hidden, memory, sentences)
        upper = state.upper
        if self.upper is not None:
            hidden, upper = self.upper.step(self.join(hidden, context), upper)
        said = tanh(self.combine(self.join(hidden, context)))
        return said, weights, DecoderState(lower, upper, said if self.feed_size else state.feed, state.sentence)
