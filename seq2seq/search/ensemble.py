"""Ensembles: several models whose probabilities are averaged."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.search.problem import DecodingProblem, Step


def ensemble(problems: Sequence[DecodingProblem[Any]]) -> DecodingProblem[Any]:
    """Return a problem whose probabilities are the mean of those of all problems; a single one is returned as it is.

    All of them have the same shortlist, or none.
    """
    if len(problems) == 1:
        return problems[0]

    def restrict(sentences: Int[Tensor, " kept"]) -> Step[Any]:
        return average_steps([problem.restrict(sentences) for problem in problems])

    steps, states = average_steps([problem.step for problem in problems]), tuple(problem.state for problem in problems)
    return DecodingProblem(steps, states, restrict, problems[0].shortlist)


def average_steps(steps: Sequence[Step[Any]]) -> Step[Any]:
    def step(
        tokens: Int[Tensor, " rows"], states: tuple[Any, ...]
    ) -> tuple[Float[Tensor, "rows vocab"], tuple[Any, ...]]:
        outputs = [model_step(tokens, state) for model_step, state in zip(steps, states, strict=True)]
        log_probs = torch.stack([logits.float().log_softmax(dim=-1) for logits, _ in outputs])
        # the search normalizes again, so the constant log of their number is not subtracted
        return log_probs.logsumexp(dim=0), tuple(state for _, state in outputs)

    return step
