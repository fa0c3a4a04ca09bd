"""Attention over the states of an encoder."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from seq2seq.errors import UserError
from seq2seq.kernels.attention import attend
from seq2seq.kernels.library import kernels_available
from seq2seq.nn.linear import linear
from seq2seq.ranges import Count, checked
from seq2seq.state import S, select


class Encoding(NamedTuple):
    """The output of an encoder."""

    states: Float[Tensor, "batch source size"]
    summary: Float[Tensor, "batch size"]  # one vector for the whole source
    mask: Bool[Tensor, "batch source"]  # False on padding


class Memory(NamedTuple):
    """The keys and values that a decoder attends to; a State, so that `select` and `repeat` apply to it."""

    keys: Float[Tensor, "batch source attention"]  # projected once per sentence, not once per target token
    values: Float[Tensor, "batch source size"]
    mask: Bool[Tensor, "batch source"]  # False on padding


class AttentionOutput(NamedTuple, Generic[S]):
    """The result of attending: for all queries of a target, or for one query per row."""

    context: Float[Tensor, "*queries size"]
    weights: Float[Tensor, "*queries source"]  # 0 on padding
    state: S


class Attention(nn.Module, ABC, Generic[S]):
    """Attention of a decoder's queries over the encoder's states.

    State goes in and comes out, one row per row of queries: coverage or a position in the source is a state, and most
    attentions have an empty one. A subclass defines `step`; `ContentAttention` is the base of those whose weights
    depend on query and key alone, which attend with all queries of a target at once.

    Args:
        query_size: Number of features of a query, the decoder's hidden state.
        memory_size: Number of features of the encoder's states.
    """

    @checked
    def __init__(self, query_size: Count, memory_size: Count) -> None:
        super().__init__()
        self.query_size = query_size
        self.size = memory_size  # number of features of the context

    def project_keys(self, encoding: Encoding) -> Memory:
        """Return keys and values for all queries to come; padding becomes 0, even if it is not finite."""
        states = masked_states(encoding)
        return Memory(self.keys(states), states, encoding.mask)

    def keys(self, states: Float[Tensor, "batch source size"]) -> Float[Tensor, "batch source attention"]:
        """Return the keys of these encoder states; by default the states themselves."""
        return states

    def initial_state(self, memory: Memory) -> S:
        """Return the state before the first query, one row per sentence; by default it is empty."""
        return ()  # type: ignore[return-value]

    @abstractmethod
    def step(self, query: Float[Tensor, "rows query"], memory: Memory, state: S) -> AttentionOutput[S]:
        """Attend with one query per row to the sentence in the same row of memory; padding gets weight 0."""

    def forward(
        self, query: Float[Tensor, "batch target query"], memory: Memory, state: S | None = None
    ) -> AttentionOutput[S]:
        """Attend with all queries of a target, one after another."""
        state = self.initial_state(memory) if state is None else state
        if not query.shape[1]:  # a discarded step gives the shapes
            context, weights, _ = self.step(query.sum(dim=1), memory, state)
            return AttentionOutput(context[:, None][:, :0], weights[:, None][:, :0], state)
        contexts, all_weights = [], []
        for query_t in query.unbind(dim=1):
            context, weights, state = self.step(query_t, memory, state)
            contexts.append(context)
            all_weights.append(weights)
        return AttentionOutput(torch.stack(contexts, dim=1), torch.stack(all_weights, dim=1), state)

    def step_rows(
        self,
        query: Float[Tensor, "rows query"],
        memory: Memory,
        state: S,
        sentence_index: Int[Tensor, " rows"] | None = None,
    ) -> AttentionOutput[S]:
        """Attend with one query per row, where several rows may share a sentence, as in beam search.

        Args:
            query: One query per row.
            memory: Keys and values of the sentences.
            state: The state of each row.
            sentence_index: Index in memory of each row's sentence, ascending; None for one row per sentence.
        """
        return self.step(query, memory if sentence_index is None else select(memory, sentence_index), state)


class ContentAttention(Attention[tuple[()]]):
    """Attention whose weights are the softmax of a score of query and key; it has no state."""

    dot_product_scores = False  # whether a score is the dot product of query and key and nothing else

    @abstractmethod
    def scores(
        self, query: Float[Tensor, "batch target query"], keys: Float[Tensor, "batch source attention"]
    ) -> Float[Tensor, "batch target source"]:
        """Return the unnormalized score of each key for each query."""

    def forward(
        self, query: Float[Tensor, "batch target query"], memory: Memory, state: tuple[()] | None = None
    ) -> AttentionOutput[tuple[()]]:
        """Attend with all queries at once; padding gets weight 0, even where all is padding."""
        weights = masked_softmax(self.scores(query, memory.keys), memory.mask[:, None])
        return AttentionOutput(torch.bmm(weights.to(memory.values.dtype), memory.values), weights, ())

    def step(
        self, query: Float[Tensor, "rows query"], memory: Memory, state: tuple[()] = ()
    ) -> AttentionOutput[tuple[()]]:
        context, weights, _ = self(query[:, None], memory)
        return AttentionOutput(context.squeeze(1), weights.squeeze(1), ())

    def step_rows(
        self,
        query: Float[Tensor, "rows query"],
        memory: Memory,
        state: tuple[()] = (),
        sentence_index: Int[Tensor, " rows"] | None = None,
    ) -> AttentionOutput[tuple[()]]:
        if sentence_index is None:
            return self.step(query, memory)
        if self.dot_product_scores and kernels_available(query, memory.keys, memory.values):
            return AttentionOutput(*attend(query, sentence_index, *memory), ())
        sentences, rows = len(memory.mask), len(query)
        rows_per_sentence = sentence_index.bincount(minlength=sentences)
        max_rows = int(rows_per_sentence.max()) if sentences else 0
        first_row = rows_per_sentence.cumsum(0) - rows_per_sentence
        # where each row goes in [sentences, max_rows], flattened, so that keys are not copied for each row
        slots = sentence_index * max_rows + torch.arange(rows, device=query.device) - first_row[sentence_index]
        grouped = query.new_zeros(sentences * max_rows, query.shape[1]).index_copy(0, slots, query)
        context, weights, _ = self(grouped.view(sentences, max_rows, query.shape[1]), memory)
        return AttentionOutput(context.flatten(0, 1)[slots], weights.flatten(0, 1)[slots], ())


class DotAttention(ContentAttention):
    """score(q, k) = q k (Luong et al., 2015, equation 8); query_size must equal memory_size."""

    dot_product_scores = True

    @checked
    def __init__(self, query_size: Count, memory_size: Count) -> None:
        super().__init__(query_size, memory_size)
        if query_size != memory_size:
            raise UserError(
                f"dot attention has no weights, so query_size ({query_size}) must equal memory_size ({memory_size}); "
                f"bilinear attention takes any sizes"
            )

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        return torch.bmm(query, keys.transpose(1, 2))


class BilinearAttention(ContentAttention):
    """score(q, k) = q W k (Luong et al., 2015, equation 8, "general")."""

    dot_product_scores = True

    @checked
    def __init__(self, query_size: Count, memory_size: Count) -> None:
        super().__init__(query_size, memory_size)
        self.key_projection = linear(memory_size, query_size, bias=False)

    def keys(self, states: Tensor) -> Tensor:
        projected: Tensor = self.key_projection(states)
        return projected

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        return torch.bmm(query, keys.transpose(1, 2))


class AdditiveAttention(ContentAttention):
    """score(q, k) = v tanh(W q + U k) (Bahdanau et al., 2015, appendix A.1.2)."""

    @checked
    def __init__(self, query_size: Count, memory_size: Count) -> None:
        super().__init__(query_size, memory_size)
        self.query_projection = linear(query_size, query_size, bias=False)
        self.key_projection = linear(memory_size, query_size)
        self.score_projection = linear(query_size, 1, bias=False)

    def keys(self, states: Tensor) -> Tensor:
        projected: Tensor = self.key_projection(states)
        return projected

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        hidden = torch.tanh(self.query_projection(query)[:, :, None] + keys[:, None])
        scores: Tensor = self.score_projection(hidden)
        return scores.squeeze(-1)


class MultiHeadAttention(ContentAttention):
    """Multi-head scaled dot-product attention (Vaswani et al., 2017, section 3.2.2).

    The attention weights returned are the mean over the heads.

    Args:
        query_size: Number of features of a query, the decoder's hidden state; a multiple of heads.
        memory_size: Number of features of the encoder's states.
        heads: Number of attention heads.
    """

    @checked
    def __init__(self, query_size: Count, memory_size: Count, heads: Count = 4) -> None:
        super().__init__(query_size, memory_size)
        if query_size % heads:
            raise UserError(f"query_size ({query_size}) must be a multiple of heads ({heads})")
        self.heads = heads
        self.size = query_size
        self.query_projection = linear(query_size, query_size, bias=False)
        self.key_projection = linear(memory_size, query_size, bias=False)
        self.value_projection = linear(memory_size, query_size, bias=False)
        self.output_projection = linear(query_size, query_size, bias=False)

    def keys(self, states: Tensor) -> Tensor:
        projected: Tensor = self.key_projection(states)
        return projected

    def project_keys(self, encoding: Encoding) -> Memory:
        states = masked_states(encoding)
        return Memory(self.keys(states), self.value_projection(states), encoding.mask)

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """[batch * heads, target, source]"""
        scaled = self.split_heads(self.query_projection(query)) * (self.query_size // self.heads) ** -0.5
        return torch.bmm(scaled, self.split_heads(keys).transpose(1, 2))

    def forward(self, query: Tensor, memory: Memory, state: tuple[()] | None = None) -> AttentionOutput[tuple[()]]:
        scores = self.scores(query, memory.keys).unflatten(0, (-1, self.heads))
        weights = masked_softmax(scores, memory.mask[:, None, None])
        context = torch.bmm(weights.flatten(0, 1).to(memory.values.dtype), self.split_heads(memory.values))
        joined = context.unflatten(0, (-1, self.heads)).transpose(1, 2).flatten(2)
        return AttentionOutput(self.output_projection(joined), weights.mean(dim=1), ())

    def split_heads(self, x: Tensor) -> Tensor:
        """[batch, length, size] -> [batch * heads, length, head_dim]"""
        heads: Tensor = x.unflatten(2, (self.heads, -1)).transpose(1, 2)
        return heads.flatten(0, 1)


class FixedContext(ContentAttention):
    """No attention: the context of every step is the summary of the whole source (Cho et al., 2014)."""

    def project_keys(self, encoding: Encoding) -> Memory:
        summary = encoding.summary[:, None]
        return Memory(summary, summary, encoding.mask.any(dim=1, keepdim=True))

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        return query.new_zeros(len(query), query.shape[1], keys.shape[1])


AttentionFactory: TypeAlias = Callable[[int, int], Attention[Any]]  # (query_size, memory_size) -> attention


def masked_states(encoding: Encoding) -> Float[Tensor, "batch source size"]:
    """Return the states with 0 on padding: an attention weight of 0 does not hide values that are not finite."""
    return encoding.states.masked_fill(~encoding.mask[..., None], 0.0)


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the last axis in float32 or better; 0 where the mask is False, even where it is False everywhere."""
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    # not -inf, which would give NaN for a row of padding alone
    weights = scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(dim=-1)
    all_masked = ~mask.any(dim=-1, keepdim=True)
    if weights.device.type == "cpu" and not all_masked.any():  # on a GPU this test would wait for its result
        return weights
    return weights.masked_fill(all_masked, 0.0)
