"""Tokens drawn at random from what a model says of the next one."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from seq2seq.search.interface import Step, log_probabilities
from seq2seq.state import S


class Sampler(NamedTuple):
    """How likely tokens are picked from.

    Args:
        temperature: What log-probabilities are divided by; 0 always takes the likeliest.
        top_k: Only the so many likeliest tokens; 0 for all (Fan et al., 2018).
        top_p: Only the likeliest tokens that together have this probability (Holtzman et al., 2020).
        min_p: Only tokens at least this fraction as likely as the likeliest (Nguyen et al., 2024).
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0

    def check(self) -> None:
        """Raise a ValueError for a number out of its range."""
        if self.temperature < 0:
            raise ValueError(f"the temperature must be at least 0, and {self.temperature} was given")
        if self.top_k < 0:
            raise ValueError(f"top_k must be at least 0, and {self.top_k} was given")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, and {self.top_p} was given")
        if not 0 <= self.min_p <= 1:
            raise ValueError(f"min_p must be from 0 to 1, and {self.min_p} was given")

    def probabilities(self, scores: Float[Tensor, "rows vocab"]) -> Float[Tensor, "rows vocab"]:
        """What is drawn from, given log-probabilities."""
        if self.temperature == 0:
            return F.one_hot(scores.argmax(dim=-1), scores.shape[-1]).float()
        probabilities = (scores / self.temperature).softmax(dim=-1)
        ordered, order = probabilities.sort(dim=-1, descending=True)
        keep = torch.ones_like(ordered, dtype=torch.bool)
        if self.top_k:
            keep[:, self.top_k :] = False
        if self.top_p < 1:  # rounded sums may reach 1 before the last token
            keep &= ordered.cumsum(dim=-1) - ordered < self.top_p  # the one that reaches top_p stays
        keep &= ordered >= self.min_p * ordered[:, :1]
        kept = torch.where(keep, ordered, 0.0)
        return torch.zeros_like(kept).scatter(-1, order, kept / kept.sum(dim=-1, keepdim=True))


class Draw(NamedTuple):
    tokens: Int[Tensor, " rows"]
    scores: Float[Tensor, " rows"]  # log-probability under the model itself, before temperature and truncation


def sample(
    step: Step[S], tokens: Int[Tensor, " rows"], state: S, sampler: Sampler, generator: torch.Generator
) -> Iterator[Draw]:
    """Go on after `tokens` for ever, one draw a step; the caller decides when a row has ended."""
    sampler.check()
    while True:
        logits, state = step(tokens, state)
        scores = log_probabilities(logits)
        tokens = torch.multinomial(sampler.probabilities(scores), 1, generator=generator).squeeze(1)
        yield Draw(tokens, scores.gather(1, tokens[:, None]).squeeze(1))
