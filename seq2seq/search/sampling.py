"""Sampling: tokens drawn at random from a model's distribution over the next token."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.ranges import CountOrZero, NonNegative, Probability, TopP, check_fields
from seq2seq.search.problem import Step, excluded_tokens, log_probabilities, no_next_token_error
from seq2seq.special_tokens import PAD
from seq2seq.state import S

FLOAT32 = torch.finfo(torch.float32)
LOW_TEMPERATURE = 1e-3  # below it, logits / temperature may overflow unless the largest logit is 0


@dataclass(frozen=True)
class Sampling:
    """Temperature and truncation of the distribution before a token is drawn, applied in the order of the options.

    Each one starts from the renormalized probabilities of the one before, as elsewhere. Ties are broken in favor of
    lower ids.

    Args:
        temperature: Divides the log-probabilities; 0 always takes the most likely token.
        top_k: Keep only this many of the most likely tokens; 0 keeps all (Fan et al., 2018).
        top_p: Keep only the most likely tokens that together reach this probability (Holtzman et al., 2020).
        min_p: Keep only tokens at least this fraction as likely as the most likely (Nguyen et al., 2024).
        allow_unknown: Whether the unknown token may be drawn.
    """

    temperature: NonNegative = 1.0
    top_k: CountOrZero = 0
    top_p: TopP = 1.0
    min_p: Probability = 0.0
    allow_unknown: bool = False

    def __post_init__(self) -> None:
        check_fields(self)

    def probabilities(self, scores: Float[Tensor, "rows vocab"]) -> Float[Tensor, "rows vocab"]:
        """Return the distribution to draw from, given logits or log-probabilities; NaN in rows that have none."""
        if self.temperature == 0:
            best = scores.max(dim=-1, keepdim=True)
            one_hot = torch.zeros_like(scores, dtype=torch.float).scatter_(-1, best.indices, 1.0)
            return one_hot.masked_fill_(~best.values.isfinite(), torch.nan)
        scores, temperature = scores.float(), min(self.temperature, FLOAT32.max)
        if temperature < LOW_TEMPERATURE:
            scores, temperature = scores - scores.amax(dim=-1, keepdim=True), max(temperature, FLOAT32.tiny)
        probabilities = (scores / temperature).softmax(dim=-1)
        if not self.top_k and self.top_p == 1 and not self.min_p:
            return probabilities
        sorted_probs, order = probabilities.sort(dim=-1, descending=True, stable=True)
        if self.top_k:
            sorted_probs[:, self.top_k :] = 0.0
        if self.top_p < 1:
            sorted_probs /= sorted_probs.sum(dim=-1, keepdim=True)
            keep = sorted_probs.cumsum(dim=-1) - sorted_probs < self.top_p  # the one that reaches top_p stays
            keep[:, 0] = True  # also where top_p is 0 in float32
            sorted_probs *= keep
        sorted_probs *= sorted_probs >= self.min_p * sorted_probs[:, :1]
        sorted_probs /= sorted_probs.sum(dim=-1, keepdim=True)
        return torch.zeros_like(sorted_probs).scatter_(-1, order, sorted_probs)

    def draw(self, scores: Float[Tensor, "rows vocab"], generator: torch.Generator) -> Int[Tensor, " rows"]:
        """Return a token for each row, drawn as torch.multinomial does; raise a UserError for NaN or no probability."""
        if self.temperature == 0:
            best, tokens = scores.max(dim=-1)
            invalid = not all(map(math.isfinite, best.tolist()))
        else:
            probabilities = self.probabilities(scores)
            tokens = (probabilities.div_(torch.empty_like(probabilities).exponential_(generator=generator))).argmax(
                dim=-1
            )
            invalid = PAD in tokens.tolist()  # argmax of a row of NaN; PAD is never drawn otherwise
        if invalid:
            raise no_next_token_error()
        return tokens


class Draw(NamedTuple):
    """Drawn tokens, and the logits of the whole vocabulary."""

    tokens: Int[Tensor, " rows"]
    logits: Float[Tensor, "rows vocab"]

    @property
    def scores(self) -> Float[Tensor, " rows"]:
        """The tokens' log-probabilities under the model itself, before temperature and truncation."""
        scores = log_probabilities(self.logits, allow_unknown=True)
        return scores.gather(1, self.tokens[:, None]).squeeze(1)


def sample(
    step: Step[S], tokens: Int[Tensor, " rows"], state: S, sampler: Sampling, generator: torch.Generator
) -> Iterator[Draw]:
    """Yield one draw per step after `tokens`, without end; the caller decides when a row is finished.

    Raises a UserError if the model gives NaN.
    """
    mask: Tensor | None = None
    while True:
        logits, state = step(tokens, state)
        if mask is None:
            mask = torch.zeros(logits.shape[-1], device=logits.device)
            mask[excluded_tokens(sampler.allow_unknown)] = float("-inf")
        tokens = sampler.draw(logits + mask, generator)
        yield Draw(tokens, logits)
