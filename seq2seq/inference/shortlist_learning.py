"""Learning of a shortlist from sentence pairs by IBM model 1 (Brown et al., 1993)."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch

from seq2seq.data.pairs import Vocabularies, pad
from seq2seq.inference.shortlist import Shortlist
from seq2seq.special_tokens import EOS, NUM_SPECIAL, PAD

Pair: TypeAlias = tuple[Sequence[int], Sequence[int]]  # ids of a source and of its target
IntArray: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]
FloatArray: TypeAlias = np.ndarray[tuple[int], np.dtype[np.float64]]

ITERATIONS = 4
MAX_LENGTH = 200  # tokens of a sentence; longer pairs are skipped: many token pairs, little information
MAX_TOKEN_PAIRS = 8_000_000  # in memory; beyond, the rarer half is pruned
MAX_PENDING = 2_000_000  # token pairs that are not merged yet


class Lexicon(NamedTuple):
    """Translation probabilities of token pairs; a pair's key is source token * target size + target token."""

    keys: IntArray  # ascending
    probabilities: FloatArray  # of the target token, given the source token


class TokenPairs(NamedTuple):
    """All pairs of a source token, or EOS, and a target token of the same sentence pair."""

    keys: IntArray  # as in a lexicon
    targets: IntArray  # index of each pair's target token among all target tokens


def learn_shortlist(
    pairs: Callable[[], Iterable[Sequence[Pair]]],
    vocabularies: Vocabularies,
    frequent: int,
    likely: int,
    progress: Callable[[int, int], object] = lambda iteration, pairs: None,
) -> Shortlist:
    """Return a shortlist of the most frequent target tokens, and the likeliest ones for each source token.

    With a shared vocabulary, each source token also allows itself, so that names can be copied.

    Args:
        pairs: Returns the blocks of the corpus, from its start at each call.
        vocabularies: Tokenizers of the corpus.
        frequent: Number of the most frequent target tokens, which are allowed in every sentence.
        likely: Number of target tokens for each source token.
        progress: Called after each block with the iteration and the number of pairs read in it.
    """
    source_size, target_size = (tokenizer.vocab_size for tokenizer in vocabularies)
    occurrences = np.zeros(target_size, dtype=np.int64)
    lexicon: Lexicon | None = None
    for iteration in range(1, ITERATIONS + 1):
        counts = UniformCounts() if lexicon is None else ExpectedCounts(lexicon)
        num_read = 0
        for block in pairs():
            counts.add(token_pairs(block, target_size))
            if lexicon is None:
                tokens = [token for _, target in block for token in target]
                occurrences += np.bincount(np.array(tokens, dtype=np.int64), minlength=target_size)
            num_read += len(block)
            progress(iteration, num_read)
        keys, sums = counts.total()
        sources = keys // target_size
        lexicon = Lexicon(keys, sums / np.bincount(sources, sums)[sources] if len(keys) else sums)
    assert lexicon is not None
    table = topk_targets(lexicon, source_size, target_size, likely)
    if vocabularies.source == vocabularies.target:
        table = np.hstack([table, np.arange(source_size)[:, None]])
    most_frequent = np.argsort(-occurrences[NUM_SPECIAL:], kind="stable")[:frequent] + NUM_SPECIAL
    return Shortlist(torch.from_numpy(np.sort(most_frequent)), torch.from_numpy(table.astype(np.int32)), target_size)


def token_pairs(block: Sequence[Pair], target_size: int) -> TokenPairs:
    """Return all token pairs of some sentence pairs; EOS is the source of target tokens without a counterpart."""
    usable = [
        (np.array([*source, EOS], dtype=np.int64), np.array(target, dtype=np.int64))
        for source, target in block
        if target and len(source) <= MAX_LENGTH and len(target) <= MAX_LENGTH
    ]
    empty = np.zeros(0, dtype=np.int64)
    keys = np.concatenate([empty, *((source * target_size + target[:, None]).ravel() for source, target in usable)])
    source_lengths = np.concatenate([empty, *(np.full(len(target), len(source)) for source, target in usable)])
    return TokenPairs(keys, np.repeat(np.arange(len(source_lengths)), source_lengths))


class UniformCounts:
    """Counts of the first iteration, in which all source tokens of a sentence have equal shares of a target token."""

    def __init__(self) -> None:
        self.parts: list[tuple[IntArray, FloatArray]] = [(np.zeros(0, dtype=np.int64), np.zeros(0))]
        self.pending = 0

    def add(self, pairs: TokenPairs) -> None:
        self.parts.append(sum_by_key(pairs.keys, 1 / np.bincount(pairs.targets)[pairs.targets]))
        self.pending += len(self.parts[-1][0])
        if self.pending > MAX_PENDING:
            self.parts, self.pending = [self.total()], 0

    def total(self) -> tuple[IntArray, FloatArray]:
        keys, sums = sum_by_key(*(np.concatenate(part) for part in zip(*self.parts, strict=True)))
        if len(keys) <= MAX_TOKEN_PAIRS:
            return keys, sums
        selected = np.sort(np.argpartition(sums, -MAX_TOKEN_PAIRS // 2)[-MAX_TOKEN_PAIRS // 2 :])
        return keys[selected], sums[selected]


class ExpectedCounts:
    """Expected counts of later iterations, in which the source tokens share a target token by their probabilities."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.sums = np.zeros(len(lexicon.keys))

    def add(self, pairs: TokenPairs) -> None:
        indices = np.searchsorted(self.lexicon.keys, pairs.keys)
        indices[indices == len(self.sums)] = 0
        known = self.lexicon.keys[indices] == pairs.keys if len(self.sums) else np.zeros(len(indices), dtype=bool)
        indices, targets = indices[known], pairs.targets[known]
        probabilities = self.lexicon.probabilities[indices]
        np.add.at(self.sums, indices, probabilities / np.bincount(targets, probabilities)[targets])

    def total(self) -> tuple[IntArray, FloatArray]:
        nonzero = self.sums > 0
        return self.lexicon.keys[nonzero], self.sums[nonzero]


def sum_by_key(keys: IntArray, counts: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the distinct keys, each with the sum of its counts."""
    distinct, indices = np.unique(keys, return_inverse=True)
    sums: FloatArray = np.bincount(indices, counts, len(distinct)).astype(np.float64)
    return distinct, sums


def topk_targets(lexicon: Lexicon, source_size: int, target_size: int, count: int) -> Any:
    """Return the likeliest target tokens of each source token, with PAD where there are fewer: [source_size, width].

    The width is `count`, or the largest number of target tokens of a source token if that is less.
    """
    sources, targets = np.divmod(lexicon.keys, target_size)
    order = np.lexsort((-lexicon.probabilities, sources))
    ranks = np.arange(len(order)) - np.searchsorted(sources, sources)  # the order is by source, as the keys are
    count = min(count, int(ranks.max(initial=-1)) + 1)
    table = np.full((source_size, count), PAD, dtype=np.int64)
    selected = ranks < count
    table[sources[selected], ranks[selected]] = targets[order][selected]
    return table


def coverage(shortlist: Shortlist, pairs: Iterable[Sequence[Pair]]) -> tuple[float, float]:
    """Return the share of target tokens that their sentences' shortlists contain, and the average shortlist size."""
    covered = tokens = shortlist_size = sentences = 0
    for block in pairs:
        allowed = shortlist.allowed_mask(pad([[*source, EOS] for source, _ in block]))
        targets = pad([target for _, target in block])
        mask = targets != PAD
        covered += int((allowed.gather(1, targets) & mask).sum())
        tokens += int(mask.sum())
        shortlist_size += int(allowed.sum())
        sentences += len(block)
    return covered / max(1, tokens), shortlist_size / max(1, sentences)
