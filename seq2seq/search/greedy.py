"""The likeliest next token, again and again."""

import torch
from jaxtyping import Int
from torch import Tensor

from seq2seq.search.problem import DecodingProblem, Hypothesis, check_limits, no_next_token_error, top_tokens
from seq2seq.special_tokens import BOS, EOS
from seq2seq.state import S, select


def greedy(problem: DecodingProblem[S], limits: Int[Tensor, " batch"], allow_unknown: bool = False) -> list[Hypothesis]:
    """Return one hypothesis for each sentence, which ends with its end mark or is cut off at its limit.

    Raises a UserError where the model gives NaN.

    Args:
        problem: What is searched.
        limits: Most tokens of each sentence's hypothesis.
        allow_unknown: Whether the unknown token may be written.
    """
    check_limits(limits)
    step, state, device = problem.step, problem.state, limits.device
    alive = torch.arange(len(limits), device=device)
    tokens = torch.full_like(alive, BOS)
    scores = torch.zeros(len(limits), device=device)
    lengths = torch.zeros_like(limits)
    written: list[Tensor] = []  # for each step the tokens of all sentences, EOS for those that have ended
    while len(alive):
        logits, state = step(tokens, state)
        gains, tokens = (part.squeeze(1) for part in top_tokens(logits, 1, allow_unknown))
        scores[alive] += gains
        written.append(torch.full_like(lengths, EOS).index_copy_(0, alive, tokens))
        going = tokens != EOS
        lengths[alive] += going.long()
        going &= lengths[alive] < limits[alive]
        if not going.all():
            kept = going.nonzero().squeeze(1)
            alive, tokens, state = alive[kept], tokens[kept], select(state, kept)
            step = problem.narrow(alive)
    if not scores.isfinite().all():
        raise no_next_token_error()
    rows = torch.stack(written, dim=1).tolist() if written else []
    ended = (lengths < limits).tolist()
    return [
        Hypothesis(row[:length], score, score, end, not end)
        for row, length, score, end in zip(rows, lengths.tolist(), scores.tolist(), ended, strict=True)
    ]
