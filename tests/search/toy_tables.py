"""A toy search problem: the next token depends on the last one and on the number of steps.

Tests over random tables use fixed seeds, since two sequences whose scores are equal in float32 may change places.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.search import DecodingProblem
from seq2seq.special_tokens import BOS, EOS, PAD, UNK

VOCAB_SIZE = 7  # four special tokens and three of text
TEXT_TOKENS = [token for token in range(VOCAB_SIZE) if token not in (PAD, UNK, BOS, EOS)]


class ToyState(NamedTuple):
    table: Tensor  # [rows, last, next]: logits of each sentence
    steps: Tensor  # [rows]


def step(tokens: Tensor, state: ToyState) -> tuple[Tensor, ToyState]:
    rows = torch.arange(len(tokens))
    logits = state.table[rows, tokens] * (1 + 0.5 * state.steps[:, None])
    return logits, state._replace(steps=state.steps + 1)


def toy(tables: Tensor) -> DecodingProblem[ToyState]:
    """Return a problem with one sentence per table."""
    return DecodingProblem(step, ToyState(tables, torch.zeros(len(tables))), lambda sentences: step)


def random_tables(seed: int, sentences: int, sharpness: float = 2.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return sharpness * torch.randn(sentences, VOCAB_SIZE, VOCAB_SIZE, generator=generator)


def score(table: Tensor, tokens: list[int]) -> float:
    """Return the log-probability of these tokens, by the definition."""
    total, last = 0.0, BOS
    for count, token in enumerate(tokens):
        total += float((table[last].double() * (1 + 0.5 * count)).log_softmax(dim=-1)[token])
        last = token
    return total


def plain_beam(
    table: Tensor,
    limit: int,
    beams: int,
    length_penalty: float,
    n_best: int = 1,
    patience: float = float("inf"),
    threshold: float = float("inf"),
    is_allowed: Callable[[list[int]], bool] = lambda tokens: True,
) -> list[tuple[float, list[int]]]:
    """Beam search of one sentence, written plainly: the best hypotheses, best first, unfinished ones last."""
    alive: list[list[int]] = [[]]
    finished: list[tuple[float, list[int]]] = []
    truncated: list[tuple[float, list[int]]] = []
    for length in range(1, limit + 1):
        candidates = [[*ids, token] for ids in alive for token in [*TEXT_TOKENS, EOS]]
        candidates = [tokens for tokens in candidates if is_allowed(tokens)]
        candidates.sort(key=lambda tokens: -score(table, tokens))
        newly_finished = [tokens for tokens in candidates[:beams] if tokens[-1] == EOS]
        alive = [tokens for tokens in candidates if tokens[-1] != EOS][:beams]
        divisor = ((5 + length) / 6) ** length_penalty
        finished += [(score(table, tokens) / divisor, tokens[:-1]) for tokens in newly_finished]
        if length == limit:
            truncated = [(score(table, tokens) / divisor, tokens) for tokens in alive]
        max_divisor = ((5 + min(limit, length * (1 + patience))) / 6) ** length_penalty
        if len(finished) >= n_best:
            worst = sorted(finished, reverse=True)[n_best - 1][0]
            alive = [tokens for tokens in alive if score(table, tokens) / max_divisor > worst]
        if len(alive) >= n_best:
            nth_score = score(table, alive[n_best - 1])
            alive = [tokens for tokens in alive if score(table, tokens) >= nth_score - threshold]
        if not alive:
            break
    return [*sorted(finished, reverse=True), *sorted(truncated, reverse=True)][:n_best]


def exhaustive_search(table: Tensor, limit: int, length_penalty: float) -> list[tuple[float, list[int]]]:
    """Return all sequences, best first: those that end with EOS, and behind them those cut off at the limit."""
    found: list[tuple[bool, float, list[int]]] = []
    for length in range(limit + 1):
        for ids in itertools.product(TEXT_TOKENS, repeat=length):
            tokens = [*ids] if length == limit else [*ids, EOS]
            normalized = score(table, tokens) / ((5 + len(tokens)) / 6) ** length_penalty
            found.append((length < limit, normalized, list(ids)))
    return [(normalized, ids) for _, normalized, ids in sorted(found, reverse=True)]
