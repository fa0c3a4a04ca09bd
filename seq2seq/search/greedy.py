"""Greedy search, and the loop that it shares with sampling: every hypothesis is extended by one token at each step."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.search.constraints import Constraints
from seq2seq.search.problem import (
    DecodingProblem,
    Hypothesis,
    Prefixes,
    check_limits,
    no_next_token_error,
    top_tokens,
)
from seq2seq.special_tokens import BOS, EOS
from seq2seq.state import S, select

# (logits, length so far, what was generated so far) -> log-probabilities and tokens
Choose: TypeAlias = Callable[
    [Float[Tensor, "rows vocab"], int, Prefixes], tuple[Float[Tensor, " rows"], Int[Tensor, " rows"]]
]


def greedy_search(
    problem: DecodingProblem[S], limits: Int[Tensor, " batch"], constraints: Constraints
) -> list[list[Hypothesis]]:
    """Return the hypothesis of each sentence that takes the most likely token at every step.

    Its normalized score is its score. Arguments and errors as in `Search.__call__`.
    """

    def choose(
        logits: Float[Tensor, "rows vocab"], length: int, prefixes: Prefixes
    ) -> tuple[Float[Tensor, " rows"], Int[Tensor, " rows"]]:
        log_probs, tokens = top_tokens(logits, 1, constraints, length, prefixes)
        return log_probs.squeeze(1), tokens.squeeze(1)

    return [[hypothesis] for hypothesis in extend_hypotheses(problem, limits, choose, constraints.need_prefixes)]


def stack_steps(tokens: list[Tensor], rows: int, device: torch.device) -> Int[Tensor, "rows length"]:
    """Return the tokens of all steps so far, which may be none."""
    return torch.stack(tokens, dim=1) if tokens else torch.zeros(rows, 0, dtype=torch.long, device=device)


def extend_hypotheses(
    problem: DecodingProblem[S],
    limits: Int[Tensor, " batch"],
    choose: Choose,
    need_prefixes: bool = False,
    per_sentence: int = 1,
) -> list[Hypothesis]:
    """Return `per_sentence` hypotheses of each sentence in turn, each ended by EOS or cut off at its sentence's limit.

    Args:
        problem: The search problem.
        limits: Maximum number of tokens of each sentence's hypotheses.
        choose: Chooses the next token of each hypothesis.
        need_prefixes: Whether `choose` gets the tokens so far, not only their sentences; they are copied in each step.
        per_sentence: Number of hypotheses of each sentence.
    """
    check_limits(limits)
    step, state, device = problem.step, problem.state, limits.device
    sentences = torch.arange(len(limits), device=device)
    if per_sentence > 1:
        sentences = sentences.repeat_interleave(per_sentence)
        state, limits = select(state, sentences), limits[sentences]
    alive = torch.arange(len(sentences), device=device)  # indices of the hypotheses that are still extended
    tokens = torch.full_like(alive, BOS)
    scores = torch.zeros(len(limits), device=device)
    lengths = torch.zeros_like(limits)
    generated: list[Tensor] = []  # per step the tokens of all hypotheses, EOS for finished ones
    while len(alive):
        logits, state = step(tokens, state)
        prefixes = stack_steps(generated, len(limits), device)[alive] if need_prefixes else None
        log_probs, tokens = choose(logits, len(generated), Prefixes(prefixes, sentences[alive], problem.shortlist))
        scores[alive] += log_probs
        generated.append(torch.full_like(lengths, EOS).index_copy_(0, alive, tokens))
        unfinished = tokens != EOS
        lengths[alive] += unfinished.long()
        unfinished &= lengths[alive] < limits[alive]
        if not unfinished.all():
            kept = unfinished.nonzero().squeeze(1)
            alive, tokens, state = alive[kept], tokens[kept], select(state, kept)
            step = problem.restrict(alive if per_sentence == 1 else sentences[alive].unique_consecutive())
    if not scores.isfinite().all():
        raise no_next_token_error()
    rows = torch.stack(generated, dim=1).tolist() if generated else []
    finished = (lengths < limits).tolist()
    return [
        Hypothesis(row[:length], score, score, ended, not ended)
        for row, length, score, ended in zip(rows, lengths.tolist(), scores.tolist(), finished, strict=True)
    ]
