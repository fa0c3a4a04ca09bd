"""A toy to search: the next token hangs on the last one and on how many were written.

Tests over random tables take the same ones each time, since two sequences that rank alike to float32 may change places.
"""

import itertools
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.search import DecodingProblem
from seq2seq.special_tokens import BOS, EOS, PAD, UNK

WORDS = 7  # the special four and three of text
WRITTEN = [token for token in range(WORDS) if token not in (PAD, UNK, BOS, EOS)]


class ToyState(NamedTuple):
    table: Tensor  # [rows, last, next]: logits, each sentence's own
    steps: Tensor  # [rows]


def step(tokens: Tensor, state: ToyState) -> tuple[Tensor, ToyState]:
    rows = torch.arange(len(tokens))
    logits = state.table[rows, tokens] * (1 + 0.5 * state.steps[:, None])
    return logits, state._replace(steps=state.steps + 1)


def toy(tables: Tensor) -> DecodingProblem[ToyState]:
    """One sentence a table."""
    return DecodingProblem(step, ToyState(tables, torch.zeros(len(tables))), lambda sentences: step)


def random_tables(seed: int, sentences: int, sharpness: float = 2.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return sharpness * torch.randn(sentences, WORDS, WORDS, generator=generator)


def score(table: Tensor, tokens: list[int]) -> float:
    """The log-probability of these tokens, by the definition."""
    total, last = 0.0, BOS
    for count, token in enumerate(tokens):
        total += float((table[last].double() * (1 + 0.5 * count)).log_softmax(dim=-1)[token])
        last = token
    return total


def plain_beam(
    table: Tensor,
    limit: int,
    beams: int,
    alpha: float,
    n_best: int = 1,
    patience: float = float("inf"),
    threshold: float = float("inf"),
) -> list[tuple[float, list[int]]]:
    """Beam search of one sentence as one would say it: the best ones, best first, those without an end last."""
    alive: list[list[int]] = [[]]
    found: list[tuple[float, list[int]]] = []
    cut: list[tuple[float, list[int]]] = []
    for length in range(1, limit + 1):
        further = [[*words, token] for words in alive for token in [*WRITTEN, EOS]]
        further.sort(key=lambda tokens: -score(table, tokens))
        ended = [tokens for tokens in further[:beams] if tokens[-1] == EOS]
        alive = [tokens for tokens in further if tokens[-1] != EOS][:beams]
        divisor = ((5 + length) / 6) ** alpha
        found += [(score(table, tokens) / divisor, tokens[:-1]) for tokens in ended]
        if length == limit:
            cut = [(score(table, tokens) / divisor, tokens) for tokens in alive]
        hoped = ((5 + min(limit, length * (1 + patience))) / 6) ** alpha
        if len(found) >= n_best:
            worst = sorted(found, reverse=True)[n_best - 1][0]
            alive = [tokens for tokens in alive if score(table, tokens) / hoped > worst]
        if len(alive) >= n_best:
            likely = score(table, alive[n_best - 1])
            alive = [tokens for tokens in alive if score(table, tokens) >= likely - threshold]
        if not alive:
            break
    return [*sorted(found, reverse=True), *sorted(cut, reverse=True)][:n_best]


def everything(table: Tensor, limit: int, length_penalty: float) -> list[tuple[float, list[int]]]:
    """All that can be written, best first: what ends in time, and behind it what is cut off at the limit."""
    found: list[tuple[bool, float, list[int]]] = []
    for length in range(limit + 1):
        for words in itertools.product(WRITTEN, repeat=length):
            tokens = [*words] if length == limit else [*words, EOS]
            rank = score(table, tokens) / ((5 + len(tokens)) / 6) ** length_penalty
            found.append((length < limit, rank, list(words)))
    return [(rank, words) for _, rank, words in sorted(found, reverse=True)]
