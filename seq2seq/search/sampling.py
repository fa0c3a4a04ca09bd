"""Tokens drawn at random from what a model says of the next one."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from seq2seq.errors import UserError
from seq2seq.search.interface import Step, log_probabilities
from seq2seq.special import BOS, PAD
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
            raise UserError(f"the temperature must be at least 0, and {self.temperature} was given")
        if self.top_k < 0:
            raise UserError(f"top_k must be at least 0, and {self.top_k} was given")
        if not 0 < self.top_p <= 1:
            raise UserError(f"top_p must be above 0 and at most 1, and {self.top_p} was given")
        if not 0 <= self.min_p <= 1:
            raise UserError(f"min_p must be from 0 to 1, and {self.min_p} was given")

    def probabilities(self, scores: Float[Tensor, "rows vocab"]) -> Float[Tensor, "rows vocab"]:
        """What is drawn from, given log-probabilities, or logits."""
        if self.temperature == 0:
            return F.one_hot(scores.argmax(dim=-1), scores.shape[-1]).float()
        probabilities = (scores / self.temperature).softmax(dim=-1)
        if not self.top_k and self.top_p == 1 and not self.min_p:
            return probabilities
        ordered, order = probabilities.sort(dim=-1, descending=True)
        keep = ordered >= self.min_p * ordered[:, :1]
        if self.top_k:
            keep[:, self.top_k :] = False
        if self.top_p < 1:
            keep &= ordered.cumsum(dim=-1) - ordered < self.top_p  # the one that reaches top_p stays
        kept = torch.where(keep, ordered, 0.0)
        return torch.zeros_like(kept).scatter(-1, order, kept / kept.sum(dim=-1, keepdim=True))

    def draw(self, scores: Float[Tensor, "rows vocab"], generator: torch.Generator) -> Int[Tensor, " rows"]:
        """A token for each row: the first to ring of clocks that ring at random, the likelier the sooner."""
        if self.temperature == 0:
            return scores.argmax(dim=-1)
        # as torch.multinomial draws, without its checks
        return (
            self.probabilities(scores).div_(torch.empty_like(scores).exponential_(generator=generator)).argmax(dim=-1)
        )


class Draw(NamedTuple):
    """Tokens, and what the model said of every token."""

    tokens: Int[Tensor, " rows"]
    logits: Float[Tensor, "rows vocab"]

    @property
    def scores(self) -> Float[Tensor, " rows"]:
        """The tokens' log-probabilities under the model itself, before temperature and truncation."""
        return log_probabilities(self.logits).gather(1, self.tokens[:, None]).squeeze(1)


def sample(
    step: Step[S], tokens: Int[Tensor, " rows"], state: S, sampler: Sampler, generator: torch.Generator
) -> Iterator[Draw]:
    """Go on after `tokens` for ever, one draw a step; the caller decides when a row has ended.

    Where the model says NaN, the token is PAD, which is drawn nowhere else.
    """
    sampler.check()
    silent: Tensor | None = None
    while True:
        logits, state = step(tokens, state)
        if silent is None:
            silent = silence(logits)
        tokens = sampler.draw(logits + silent, generator)
        yield Draw(tokens, logits)


def silence(logits: Float[Tensor, "rows vocab"]) -> Float[Tensor, " vocab"]:
    """What is added to logits, in float32, so that the marks that no text can hold are never drawn."""
    added = torch.zeros(logits.shape[-1], device=logits.device)
    added[[PAD, BOS]] = float("-inf")
    return added
