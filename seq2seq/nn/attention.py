"""Looking at the source: a decoder's query picks from what the encoder left."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from seq2seq.errors import UserError
from seq2seq.kernels.attention import attend
from seq2seq.kernels.library import serves
from seq2seq.nn.linear import linear
from seq2seq.ranges import Count, checked


class Encoding(NamedTuple):
    """What an encoder says of its sources."""

    states: Float[Tensor, "batch source size"]
    summary: Float[Tensor, "batch size"]  # the whole source in one vector
    real: Bool[Tensor, "batch source"]  # False on padding


class Memory(NamedTuple):
    """What the encoder leaves for the decoder; a State, so that `select` and `repeat` work on it."""

    keys: Float[Tensor, "batch source attention"]  # projected once a sentence, not once a word
    values: Float[Tensor, "batch source size"]
    real: Bool[Tensor, "batch source"]


class Attention(nn.Module, ABC):
    """A soft choice from the source.

    Args:
        query_size: Number of features of what asks, the decoder's output.
        memory_size: Number of features of what is looked at, the encoder's states.
    """

    compares_only = False  # whether the scores are the products with the keys and nothing else

    @checked
    def __init__(self, query_size: Count, memory_size: Count) -> None:
        super().__init__()
        self.query_size = query_size
        self.size = memory_size  # of the context that comes out

    def remember(self, encoding: Encoding) -> Memory:
        """Project the keys of all queries to come; whatever stands on padding becomes 0, even if it is not finite."""
        states = without_padding(encoding)
        return Memory(self.keys(states), states, encoding.real)

    @abstractmethod
    def keys(self, states: Float[Tensor, "batch source size"]) -> Float[Tensor, "batch source attention"]:
        """What the queries are compared with."""

    @abstractmethod
    def scores(
        self, query: Float[Tensor, "batch target query"], keys: Float[Tensor, "batch source attention"]
    ) -> Float[Tensor, "batch target source"]:
        """How well each query fits each key."""

    def forward(
        self, query: Float[Tensor, "batch target query"], memory: Memory
    ) -> tuple[Float[Tensor, "batch target size"], Float[Tensor, "batch target source"]]:
        """Return the context of each query and the weights of its source; padding gets 0, also where it is all."""
        weights = masked_softmax(self.scores(query, memory.keys), memory.real[:, None])
        return torch.bmm(weights.to(memory.values.dtype), memory.values), weights

    def look(
        self, queries: Float[Tensor, "rows query"], memory: Memory, sentences: Int[Tensor, " rows"] | None
    ) -> tuple[Float[Tensor, "rows size"], Float[Tensor, "rows source"]]:
        """The same for one step of rows, each of which looks at one sentence.

        Args:
            queries: What asks.
            memory: What is looked at.
            sentences: Which sentence each row looks at, in order; without it, there is one row for each.
        """
        if sentences is None:
            context, weights = self(queries[:, None], memory)
            return context.squeeze(1), weights.squeeze(1)
        if self.compares_only and serves(queries, memory.keys, memory.values):
            return attend(queries, sentences, *memory)
        count, rows = len(memory.real), len(queries)
        each = sentences.bincount(minlength=count)
        most = int(each.max()) if count else 0
        first = each.cumsum(0) - each
        places = sentences * most + torch.arange(rows, device=queries.device) - first[sentences]
        side_by_side = queries.new_zeros(count * most, queries.shape[1]).index_copy(0, places, queries)
        context, weights = self(side_by_side.view(count, most, queries.shape[1]), memory)
        return context.flatten(0, 1)[places], weights.flatten(0, 1)[places]


class DotAttention(Attention):
    """score(q, k) = q k (Luong et al., 2015, equation 8); query and memory must be of one size."""

    compares_only = True

    @checked
    def __init__(self, query_size: Count, memory_size: Count) -> None:
        super().__init__(query_size, memory_size)
        if query_size != memory_size:
            raise UserError(
                f"dot attention compares without weights, so its query ({query_size}) and its memory ({memory_size}) "
                f"must be of one size; bilinear attention takes any"
            )

    def keys(self, states: Tensor) -> Tensor:
        return states

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        return torch.bmm(query, keys.transpose(1, 2))


class BilinearAttention(Attention):
    """score(q, k) = q W k (Luong et al., 2015, equation 8, "general")."""

    compares_only = True

    @checked
    def __init__(self, query_size: Count, memory_size: Count) -> None:
        super().__init__(query_size, memory_size)
        self.project = linear(memory_size, query_size, bias=False)

    def keys(self, states: Tensor) -> Tensor:
        projected: Tensor = self.project(states)
        return projected

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        return torch.bmm(query, keys.transpose(1, 2))


class AdditiveAttention(Attention):
    """score(q, k) = v tanh(W q + U k) (Bahdanau et al., 2015, appendix A.1.2)."""

    @checked
    def __init__(self, query_size: Count, memory_size: Count) -> None:
        super().__init__(query_size, memory_size)
        self.ask = linear(query_size, query_size, bias=False)
        self.project = linear(memory_size, query_size)
        self.judge = linear(query_size, 1, bias=False)

    def keys(self, states: Tensor) -> Tensor:
        projected: Tensor = self.project(states)
        return projected

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        judged: Tensor = self.judge(torch.tanh(self.ask(query)[:, :, None] + keys[:, None]))
        return judged.squeeze(-1)


class MultiHeadAttention(Attention):
    """Several scaled dot products side by side (Vaswani et al., 2017, section 3.2.2).

    The weights returned are the mean over the heads.

    Args:
        query_size: Number of features of what asks, the decoder's output; a multiple of heads.
        memory_size: Number of features of what is looked at, the encoder's states.
        heads: Number of independent choices.
    """

    @checked
    def __init__(self, query_size: Count, memory_size: Count, heads: Count = 4) -> None:
        super().__init__(query_size, memory_size)
        if query_size % heads:
            raise UserError(f"query_size ({query_size}) must be a multiple of heads ({heads})")
        self.heads = heads
        self.size = query_size
        self.ask = linear(query_size, query_size, bias=False)
        self.project = linear(memory_size, query_size, bias=False)
        self.value = linear(memory_size, query_size, bias=False)
        self.out = linear(query_size, query_size, bias=False)

    def keys(self, states: Tensor) -> Tensor:
        projected: Tensor = self.project(states)
        return projected

    def remember(self, encoding: Encoding) -> Memory:
        states = without_padding(encoding)
        return Memory(self.keys(states), self.value(states), encoding.real)

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """[batch * heads, target, source]"""
        asked = self.split(self.ask(query)) * (self.query_size // self.heads) ** -0.5
        return torch.bmm(asked, self.split(keys).transpose(1, 2))

    def forward(self, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
        scores = self.scores(query, memory.keys).unflatten(0, (-1, self.heads))
        weights = masked_softmax(scores, memory.real[:, None, None])
        context = torch.bmm(weights.flatten(0, 1).to(memory.values.dtype), self.split(memory.values))
        joined = context.unflatten(0, (-1, self.heads)).transpose(1, 2).flatten(2)
        return self.out(joined), weights.mean(dim=1)

    def split(self, x: Tensor) -> Tensor:
        """The heads' shares of the features as rows of their own: [batch * heads, length, size // heads]."""
        heads: Tensor = x.unflatten(2, (self.heads, -1)).transpose(1, 2)
        return heads.flatten(0, 1)


class FixedContext(Attention):
    """No attention: every step is given the same summary of the whole source (Cho et al., 2014)."""

    def remember(self, encoding: Encoding) -> Memory:
        summary = encoding.summary[:, None]
        return Memory(summary, summary, encoding.real.any(dim=1, keepdim=True))

    def keys(self, states: Tensor) -> Tensor:
        return states

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        return query.new_zeros(len(query), query.shape[1], keys.shape[1])


AttentionFactory: TypeAlias = Callable[[int, int], Attention]  # (query_size, memory_size) -> attention


def without_padding(encoding: Encoding) -> Float[Tensor, "batch source size"]:
    """Return the states with 0 on padding: a weight of 0 does not hide what is not finite."""
    return encoding.states.masked_fill(~encoding.real[..., None], 0.0)


def masked_softmax(scores: Tensor, real: Tensor) -> Tensor:
    """Softmax over the last axis in float32 or better; what is not real gets 0, also where nothing is."""
    exact = scores.to(torch.promote_types(scores.dtype, torch.float32))
    # not -inf, of which a row of padding alone would make NaN
    weights = exact.masked_fill(~real, torch.finfo(exact.dtype).min).softmax(dim=-1)
    empty = ~real.any(dim=-1, keepdim=True)
    if weights.device.type == "cpu" and not empty.any():  # which a GPU would have to be waited for to say
        return weights
    return weights.masked_fill(empty, 0.0)
