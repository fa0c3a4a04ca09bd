"""The likeliest next token, again and again."""

import torch
from jaxtyping import Int
from torch import Tensor

from seq2seq.search.interface import Hypothesis, Problem, check_limits, likeliest
from seq2seq.special import BOS, EOS
from seq2seq.state import S, select


def greedy(problem: Problem[S], limits: Int[Tensor, " batch"]) -> list[Hypothesis]:
    """One hypothesis for each sentence; it ends at its end mark, or after limits[b] tokens."""
    check_limits(limits)
    step, state, device = problem.step, problem.state, limits.device
    alive = torch.arange(len(limits), device=device)
    tokens = torch.full_like(alive, BOS)
    scores = torch.zeros(len(limits), device=device)
    lengths = torch.zeros_like(limits)
    written = torch.full((len(limits), int(limits.max()) if len(limits) else 0), EOS, device=device)
    while len(alive):
        logits, state = step(tokens, state)
        gains, tokens = (part.squeeze(1) for part in likeliest(logits, 1))
        scores[alive] += gains
        written[alive, lengths[alive]] = tokens
        going = tokens != EOS
        lengths[alive] += going.long()
        going &= lengths[alive] < limits[alive]
        if not going.all():
            kept = going.nonzero().squeeze(1)
            alive, tokens, state = alive[kept], tokens[kept], select(state, kept)
            step = problem.narrow(alive)
    return [
        Hypothesis(row[:length], score, score)
        for row, length, score in zip(written.tolist(), lengths.tolist(), scores.tolist(), strict=True)
    ]
