"""Several models that choose together."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.search.problem import DecodingProblem, Step


def ensemble(problems: Sequence[DecodingProblem[Any]]) -> DecodingProblem[Any]:
    """One problem whose probabilities are the mean of those of all; one alone stays what it is."""
    if len(problems) == 1:
        return problems[0]

    def narrow(sentences: Int[Tensor, " kept"]) -> Step[Any]:
        return together([problem.narrow(sentences) for problem in problems])

    return DecodingProblem(together([p.step for p in problems]), tuple(p.state for p in problems), narrow)


def together(steps: Sequence[Step[Any]]) -> Step[Any]:
    def step(
        tokens: Int[Tensor, " rows"], states: tuple[Any, ...]
    ) -> tuple[Float[Tensor, "rows vocab"], tuple[Any, ...]]:
        parts = [one(tokens, state) for one, state in zip(steps, states, strict=True)]
        scores = torch.stack([logits.float().log_softmax(dim=-1) for logits, _ in parts])
        return scores.logsumexp(dim=0), tuple(state for _, state in parts)  # log_softmax takes the constant away

    return step
