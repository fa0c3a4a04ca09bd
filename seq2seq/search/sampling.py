"""Sampling: tokens drawn at random from a model's distribution over the next token."""

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.search.greedy import extend_hypotheses, stack_steps
from seq2seq.search.problem import DecodingProblem, Hypothesis, Prefixes, Step, log_probabilities, no_next_token_error
from seq2seq.search.searches import Sampling
from seq2seq.special_tokens import PAD
from seq2seq.state import S

FLOAT32 = torch.finfo(torch.float32)
LOW_TEMPERATURE = 1e-3  # below it, logits / temperature may overflow unless the largest logit is 0


def truncated_probabilities(scores: Float[Tensor, "rows vocab"], sampling: Sampling) -> Float[Tensor, "rows vocab"]:
    """Return the distribution to draw from, given logits or log-probabilities; NaN in rows that have none."""
    if sampling.temperature == 0:
        best = scores.max(dim=-1, keepdim=True)
        one_hot = torch.zeros_like(scores, dtype=torch.float).scatter_(-1, best.indices, 1.0)
        return one_hot.masked_fill_(~best.values.isfinite(), torch.nan)
    scores, temperature = scores.float(), min(sampling.temperature, FLOAT32.max)
    if temperature < LOW_TEMPERATURE:
        scores, temperature = scores - scores.amax(dim=-1, keepdim=True), max(temperature, FLOAT32.tiny)
    probabilities = (scores / temperature).softmax(dim=-1)
    if not sampling.top_k and sampling.top_p == 1 and not sampling.min_p:
        return probabilities
    sorted_probs, order = probabilities.sort(dim=-1, descending=True, stable=True)
    if sampling.top_k:
        sorted_probs[:, sampling.top_k :] = 0.0
    if sampling.top_p < 1:
        sorted_probs /= sorted_probs.sum(dim=-1, keepdim=True)
        keep = sorted_probs.cumsum(dim=-1) - sorted_probs < sampling.top_p  # the one that reaches top_p stays
        keep[:, 0] = True  # also where top_p is 0 in float32
        sorted_probs *= keep
    sorted_probs *= sorted_probs >= sampling.min_p * sorted_probs[:, :1]
    sorted_probs /= sorted_probs.sum(dim=-1, keepdim=True)
    return torch.zeros_like(sorted_probs).scatter_(-1, order, sorted_probs)


def draw(scores: Float[Tensor, "rows vocab"], sampling: Sampling, generator: torch.Generator) -> Int[Tensor, " rows"]:
    """Return a token for each row, drawn as torch.multinomial does; raise a UserError for NaN or no probability."""
    if sampling.temperature == 0:
        best, tokens = scores.max(dim=-1)
        invalid = not all(map(math.isfinite, best.tolist()))
    else:
        probabilities = truncated_probabilities(scores, sampling)
        tokens = (probabilities.div_(torch.empty_like(probabilities).exponential_(generator=generator))).argmax(dim=-1)
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
        scores = self.logits.float().log_softmax(dim=-1)
        return scores.gather(1, self.tokens[:, None]).squeeze(1)


def sample(
    step: Step[S], tokens: Int[Tensor, " rows"], state: S, sampling: Sampling, generator: torch.Generator
) -> Iterator[Draw]:
    """Yield one draw per step after `tokens`, without end; the caller decides when a row is finished.

    Raises a UserError if the model gives NaN, or probability 0 to all tokens that can be generated.
    """
    mask, excluded = torch.empty(0), None  # of the scores, and the tokens that it excludes
    generated: list[Tensor] = []  # only if the constraints need it, since texts may be endless
    for length in itertools.count():
        logits, state = step(tokens, state)
        if excluded != (now_excluded := sampling.excluded_tokens(length)):
            excluded = now_excluded
            mask = torch.zeros(logits.shape[-1], device=logits.device)
            mask[excluded] = float("-inf")
        scores = logits + mask
        if sampling.need_prefixes:
            rows = torch.arange(len(scores), device=scores.device)
            sampling.exclude_by_prefix(scores, stack_steps(generated, len(scores), scores.device), rows)
        tokens = draw(scores, sampling, generator)
        if sampling.need_prefixes:
            generated.append(tokens)
        yield Draw(tokens, logits)


def sampling_search(
    problem: DecodingProblem[S], limits: Int[Tensor, " batch"], sampling: Sampling, n_best: int = 1
) -> list[list[Hypothesis]]:
    """Return `n_best` independent draws for each sentence, the most likely first; two of them may be equal.

    A draw depends on the seed and on the other sentences of the batch. Arguments and errors as in `Search.__call__`.
    """
    generator = torch.Generator(limits.device).manual_seed(sampling.seed)

    def choose(
        logits: Float[Tensor, "rows vocab"], length: int, prefixes: Prefixes
    ) -> tuple[Float[Tensor, " rows"], Int[Tensor, " rows"]]:
        scores = log_probabilities(logits, sampling, length, prefixes)
        tokens = draw(scores, sampling, generator)
        return scores.gather(1, tokens[:, None]).squeeze(1), tokens

    found = extend_hypotheses(problem, limits, choose, sampling.need_prefixes, n_best)
    return [
        sorted(found[start : start + n_best], key=lambda hypothesis: (not hypothesis.finished, -hypothesis.score))
        for start in range(0, len(found), n_best)
    ]
