"""Output layers: from a decoder's features to the probabilities of the next token, and their training loss."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from copy import copy
from typing import Any, ClassVar, NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from seq2seq.errors import UserError
from seq2seq.kernels.library import kernels_available
from seq2seq.nn.attention import Encoding, masked_states
from seq2seq.nn.embedding import INIT_RANGE
from seq2seq.nn.linear import select_rows
from seq2seq.nn.loss import CHUNK_LOGITS, Loss, cross_entropy, nll_loss, token_nats
from seq2seq.nn.mixed_precision import upcast
from seq2seq.ranges import Count, checked
from seq2seq.special_tokens import NO_TOKEN, PAD
from seq2seq.state import select


class OutputInput(NamedTuple):
    """The input of an output layer, for every step of a target; a language model has only features."""

    features: Float[Tensor, "batch target size"]  # the last hidden state, combined with the context if there is one
    context: Float[Tensor, "batch target context"] | None = None
    weights: Float[Tensor, "batch target source"] | None = None  # attention weights, 0 on padding
    source: Int[Tensor, "batch source"] | None = None  # token ids, PAD at the end
    encoding: Encoding | None = None  # the encoder's output, read by way of `states` and `mask`
    encoding_rows: Int[Tensor, " batch"] | None = None  # row in `encoding` of each sentence; None for its own index

    @property
    def states(self) -> Float[Tensor, "batch source size"]:
        """The encoder's states, 0 on padding, in the features' data type; computed only when they are read."""
        return masked_states(self._source_encoding()).to(self.features.dtype)

    @property
    def mask(self) -> Bool[Tensor, "batch source"]:
        """False on the padding of the source."""
        return self._source_encoding().mask

    def _source_encoding(self) -> Encoding:
        if self.encoding is None:
            raise UserError("the output layer needs the states of an encoder, and this model has none")
        return self.encoding if self.encoding_rows is None else select(self.encoding, self.encoding_rows)

    def steps(self, start: int, stop: int) -> "OutputInput":
        """Return the input of some steps."""
        return self._map_steps(lambda part: part[:, start:stop])

    def masked(self, mask: Bool[Tensor, "batch target"]) -> "OutputInput":
        """Return the input with 0 where the mask is False, even if the input is not finite there."""
        return self._map_steps(lambda part: part.masked_fill(~mask[..., None], 0.0))

    def _map_steps(self, function: Callable[[Tensor], Tensor]) -> "OutputInput":
        """Apply a function to what there is of each step; what there is of each sentence stays."""
        context, weights = (None if part is None else function(part) for part in (self.context, self.weights))
        return self._replace(features=function(self.features), context=context, weights=weights)


class OutputLayer(nn.Module, ABC):
    """A distribution over the next token. A subclass defines `logits`; the loss and everything else follow.

    Args:
        size: Number of features.
        context_size: Number of features of the attention's context, and of the encoder's states with the attentions of
            this package; 0 without attention.
        vocab_size: Number of tokens.
    """

    token_rows: ClassVar[tuple[str, ...]] = ()  # names of the weights that have one row per token
    reads_attention_weights: ClassVar[bool] = False  # whether it needs `weights`, one for each source token

    @checked
    def __init__(self, size: Count, context_size: int, vocab_size: Count) -> None:
        super().__init__()
        if self.reads_attention_weights and not context_size:
            raise no_attention_error(self)
        self.size = size
        self.context_size = context_size
        self.vocab_size = vocab_size

    @abstractmethod
    def logits(self, x: OutputInput) -> Float[Tensor, "batch target vocab"]:
        """Return log-probabilities up to a constant for each step, so log-probabilities are logits, too."""

    def tie(self, embedding: nn.Embedding) -> None:
        """Share the weights of an embedding (Press and Wolf, 2017); raises a UserError if the layer cannot."""
        raise UserError(f"{type(self).__name__} cannot share the weights of the embedding: tied must be false")

    def log_probabilities(self, x: OutputInput) -> Float[Tensor, "batch target vocab"]:
        """Return normalized log-probabilities in float32 or better."""
        return upcast(self.logits(x)).log_softmax(dim=-1)

    def loss(self, x: OutputInput, targets: Int[Tensor, "batch target"], smoothing: float = 0.0) -> Loss:
        """Return the training loss, summed over targets other than PAD, where x may be anything, not even finite.

        Logits are computed for a few steps at a time, and again in the backward pass, so that they are never all in
        memory at once.

        Args:
            x: Input of the layer.
            targets: The target tokens.
            smoothing: Share of each target's probability that is spread over all tokens alike (Szegedy et al., 2016).
        """
        x = x.masked(targets != PAD)
        sums = [
            checkpoint(
                self._loss_of_steps, x.steps(start, stop), targets[:, start:stop], smoothing, use_reentrant=False
            )
            for start, stop in self._chunks(targets)
        ]
        smoothed, nats = (torch.stack(part).sum(dim=0) for part in zip(*sums, strict=True))
        return Loss(smoothed, nats.detach(), (targets != PAD).sum())

    def _loss_of_steps(
        self, x: OutputInput, targets: Int[Tensor, "batch target"], smoothing: float
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        return nll_loss(self.log_probabilities(x), targets, smoothing)

    def token_nats(self, x: OutputInput, targets: Int[Tensor, "batch target"]) -> Float[Tensor, "batch target"]:
        """Return the negative log-probability of every target in nats, and 0 where it is PAD."""
        x = x.masked(targets != PAD)
        nats = [
            -self.log_probabilities(x.steps(start, stop)).gather(2, targets[:, start:stop, None]).squeeze(2)
            for start, stop in self._chunks(targets)
        ]
        return torch.cat(nats, dim=1).masked_fill(targets == PAD, 0.0)

    def _chunks(self, targets: Int[Tensor, "batch target"]) -> Iterator[tuple[int, int]]:
        """Yield start and end of the steps whose logits are computed at once: one chunk or more, perhaps empty."""
        batch, time = targets.shape
        steps = max(1, CHUNK_LOGITS // max(1, batch * self.vocab_size))
        for start in range(0, max(1, time), steps):
            yield start, min(time, start + steps)

    def selected_logits(
        self, x: OutputInput, sentence_index: Int[Tensor, " rows"], ids: Int[Tensor, "sentences count"]
    ) -> Float[Tensor, "rows count"]:
        """Return the logits of ids[sentence] for each row, -inf for NO_TOKEN.

        Args:
            x: Input of the layer, one step for each row.
            sentence_index: The sentence of each row, ascending.
            ids: The tokens of each sentence.
        """
        tokens = ids[sentence_index]
        logits = self.logits(x).squeeze(1).gather(1, tokens.clamp(min=0))
        return logits.masked_fill_(tokens == NO_TOKEN, float("-inf"))

    def restrict(self, ids: Int[Tensor, "sentences shortlist"]) -> "RestrictedOutput":
        """Return the layer restricted to a shortlist for each sentence; shorter ones end with NO_TOKEN."""
        return RestrictedOutput(ids, self, ids)


class RestrictedOutput(NamedTuple):
    """An output layer over each sentence's shortlist; logit i is that of its i-th token."""

    ids: Int[Tensor, "sentences shortlist"]
    layer: OutputLayer  # for the whole vocabulary, or only for the tokens of any shortlist
    layer_ids: Int[Tensor, "sentences shortlist"]  # what `layer` calls each token

    def logits(self, x: OutputInput, sentence_index: Int[Tensor, " rows"]) -> Float[Tensor, "rows shortlist"]:
        """Return the logits of the shortlist of each row's sentence, -inf for NO_TOKEN."""
        return self.layer.selected_logits(x, sentence_index, self.layer_ids)

    def select(self, sentences: Int[Tensor, " kept"]) -> "RestrictedOutput":
        """Return the shortlists of these sentences only."""
        return self._replace(ids=self.ids[sentences], layer_ids=self.layer_ids[sentences])


class LinearOutput(OutputLayer):
    """One linear layer from features to logits."""

    token_rows = ("linear.weight", "linear.bias")

    def __init__(self, size: int, context_size: int, vocab_size: int) -> None:
        super().__init__(size, context_size, vocab_size)
        self.linear = nn.Linear(size, vocab_size)
        nn.init.uniform_(self.linear.weight, -INIT_RANGE, INIT_RANGE)
        nn.init.zeros_(self.linear.bias)

    def tie(self, embedding: nn.Embedding) -> None:
        """Share the embedding's weights (Press and Wolf, 2017)."""
        if embedding.embedding_dim != self.linear.in_features:
            raise UserError(
                f"tied embeddings need an output layer of their own size ({embedding.embedding_dim}), not of "
                f"{self.linear.in_features} features"
            )
        self.linear.weight = embedding.weight

    def logits(self, x: OutputInput) -> Float[Tensor, "batch target vocab"]:
        logits: Tensor = self.linear(x.features)
        return logits

    def loss(self, x: OutputInput, targets: Int[Tensor, "batch target"], smoothing: float = 0.0) -> Loss:
        """Return the training loss, for which gradients are computed with the logits, chunk by chunk."""
        return cross_entropy(x.features, self.linear.weight, self.linear.bias, targets, smoothing)

    def token_nats(self, x: OutputInput, targets: Int[Tensor, "batch target"]) -> Float[Tensor, "batch target"]:
        return token_nats(x.features, self.linear, targets)

    def selected_logits(
        self, x: OutputInput, sentence_index: Int[Tensor, " rows"], ids: Int[Tensor, "sentences count"]
    ) -> Float[Tensor, "rows count"]:
        if self._computes_selected_outputs():
            selected: Tensor = self.linear.forward_selected(x.features.squeeze(1), sentence_index, ids)  # type: ignore[operator]
            return selected
        return super().selected_logits(x, sentence_index, ids)

    def restrict(self, ids: Int[Tensor, "sentences shortlist"]) -> RestrictedOutput:
        """Return the layer restricted to a shortlist for each sentence, with copies of the rows of their tokens."""
        if self._computes_selected_outputs():
            return super().restrict(ids)
        unique_ids, layer_ids = ids.clamp(min=0).unique(return_inverse=True)
        layer = copy(self)
        layer._modules = {**self._modules, "linear": select_rows(self.linear, unique_ids)}
        return RestrictedOutput(ids, layer, layer_ids.where(ids != NO_TOKEN, NO_TOKEN))

    def _computes_selected_outputs(self) -> bool:
        """Return whether the linear layer, if it is quantized, computes single outputs without the others."""
        layer: Any = self.linear
        return hasattr(layer, "forward_selected") and kernels_available(layer.scale)


def no_attention_error(layer: OutputLayer) -> UserError:
    """Return the error for an output layer that needs attention weights, of a model that has none."""
    return UserError(f"{type(layer).__name__} needs attention weights, and a model without attention has none")


OutputFactory: TypeAlias = Callable[[int, int, int], OutputLayer]  # (size, context_size, vocab_size) -> output layer
