"""Tokens drawn at random from a model's distribution over the next one."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.ranges import CountOrZero, NonNegative, Probability, TopP, check_fields
from seq2seq.search.problem import Step, excluded, log_probabilities, no_next_token_error
from seq2seq.special_tokens import PAD
from seq2seq.state import S

FLOAT32 = torch.finfo(torch.float32)
COLD = 1e-3  # a temperature below which quotients of logits may overflow, unless these are at most 0


@dataclass(frozen=True)
class Sampling:
    """How the distribution is changed before a token is drawn from it: in the order of the options.

    Each one starts from the probabilities that the ones before it leave, which sum to 1 again, as elsewhere. Of tokens
    that are equally likely, those with lower ids come first.

    Args:
        temperature: Divides the log-probabilities; 0 always takes the likeliest token.
        top_k: Keep only this many of the likeliest tokens; 0 keeps all (Fan et al., 2018).
        top_p: Keep only the likeliest tokens that together reach this probability (Holtzman et al., 2020).
        min_p: Keep only tokens at least this fraction as likely as the likeliest (Nguyen et al., 2024).
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
        """Return what is drawn from, given logits or log-probabilities; NaN in rows that are no distribution."""
        if self.temperature == 0:
            best = scores.max(dim=-1, keepdim=True)
            certain = torch.zeros_like(scores, dtype=torch.float).scatter_(-1, best.indices, 1.0)
            return certain.masked_fill_(~best.values.isfinite(), torch.nan)
        scores, temperature = scores.float(), min(self.temperature, FLOAT32.max)
        if temperature < COLD:
            scores, temperature = scores - scores.amax(dim=-1, keepdim=True), max(temperature, FLOAT32.tiny)
        probabilities = (scores / temperature).softmax(dim=-1)
        if not self.top_k and self.top_p == 1 and not self.min_p:
            return probabilities
        kept, order = probabilities.sort(dim=-1, descending=True, stable=True)
        if self.top_k:
            kept[:, self.top_k :] = 0.0
        if self.top_p < 1:
            kept /= kept.sum(dim=-1, keepdim=True)
            keep = kept.cumsum(dim=-1) - kept < self.top_p  # the one that reaches top_p stays
            keep[:, 0] = True  # also where top_p is 0 in float32
            kept *= keep
        kept *= kept >= self.min_p * kept[:, :1]
        return torch.zeros_like(kept).scatter_(-1, order, kept / kept.sum(dim=-1, keepdim=True))

    def draw(self, scores: Float[Tensor, "rows vocab"], generator: torch.Generator) -> Int[Tensor, " rows"]:
        """Return a token for each row, drawn as torch.multinomial does; a UserError where there is no distribution."""
        if self.temperature == 0:
            best, tokens = scores.max(dim=-1)
            lost = not all(map(math.isfinite, best.tolist()))
        else:
            probabilities = self.probabilities(scores)
            tokens = (probabilities.div_(torch.empty_like(probabilities).exponential_(generator=generator))).argmax(
                dim=-1
            )
            lost = PAD in tokens.tolist()  # the first of a row of NaN, which is drawn nowhere else
        if lost:
            raise no_next_token_error()
        return tokens


class Draw(NamedTuple):
    """Tokens, and the logits of every token from which they were drawn."""

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
    """Go on after `tokens` for ever, one draw a step; the caller decides when a row has ended.

    Raises a UserError where the model gives NaN.
    """
    mask: Tensor | None = None
    while True:
        logits, state = step(tokens, state)
        if mask is None:
            mask = torch.zeros(logits.shape[-1], device=logits.device)
            mask[excluded(sampler.allow_unknown)] = float("-inf")
        tokens = sampler.draw(logits + mask, generator)
        yield Draw(tokens, logits)
