"""Greedy search: the most likely next token at every step."""

import torch
from jaxtyping import Int
from torch import Tensor

from seq2seq.search.problem import DecodingProblem, Hypothesis, check_limits, no_next_token_error, top_tokens
from seq2seq.special_tokens import BOS, EOS
from seq2seq.state import S, select


def greedy(problem: DecodingProblem[S], limits: Int[Tensor, " batch"], allow_unknown: bool = False) -> list[Hypothesis]:
    """Return one hypothesis for each sentence, which ends with EOS or is cut off at its limit.

    Raises a UserError if the model gives NaN.

    Args:
        problem: The search problem.
        limits: Maximum number of tokens of each sentence's hypothesis.
        allow_unknown: Whether the unknown token may be generated.
    """
    check_limits(limits)
    step, state, device = problem.step, problem.state, limits.device
    alive = torch.arange(len(limits), device=device)
    tokens = torch.full_like(alive, BOS)
    scores = torch.zeros(len(limits), device=device)
    lengths = torch.zeros_like(limits)
    generated: list[Tensor] = []  # per step the tokens of all sentences, EOS for finished ones
    while len(alive):
        logits, state = step(tokens, state)
        log_probs, tokens = (part.squeeze(1) for part in top_tokens(logits, 1, allow_unknown))
        scores[alive] += log_probs
        generated.append(torch.full_like(lengths, EOS).index_copy_(0, alive, tokens))
        unfinished = tokens != EOS
        lengths[alive] += unfinished.long()
        unfinished &= lengths[alive] < limits[alive]
        if not unfinished.all():
            kept = unfinished.nonzero().squeeze(1)
            alive, tokens, state = alive[kept], tokens[kept], select(state, kept)
            step = problem.restrict(alive)
    if not scores.isfinite().all():
        raise no_next_token_error()
    rows = torch.stack(generated, dim=1).tolist() if generated else []
    finished = (lengths < limits).tolist()
    return [
        Hypothesis(row[:length], score, score, ended, not ended)
        for row, length, score, ended in zip(rows, lengths.tolist(), scores.tolist(), finished, strict=True)
    ]
