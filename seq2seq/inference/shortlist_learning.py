"""A shortlist learned from sentence pairs, by IBM model 1 (Brown et al., 1993)."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch

from seq2seq.data.pairs import Vocabularies, pad
from seq2seq.inference.shortlist import Shortlist
from seq2seq.special_tokens import EOS, NUM_SPECIAL, PAD

Pair: TypeAlias = tuple[Sequence[int], Sequence[int]]  # ids of a source and of its target
Numbers: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]
Amounts: TypeAlias = np.ndarray[tuple[int], np.dtype[np.float64]]

ITERATIONS = 4
LONGEST = 200  # tokens of a side; a longer pair says little, in many cells
MOST = 8_000_000  # pairs of tokens that are remembered; beyond, the rarer half goes
WAITING = 2_000_000  # pairs of tokens that wait to be added to those


class Lexicon(NamedTuple):
    """Pairs of tokens, each a source token * number of target tokens + a target token, ascending."""

    keys: Numbers
    chances: Amounts  # of the target token, given the source token


class Cells(NamedTuple):
    """Every source token of a sentence, and its end, beside every target token of its translation."""

    keys: Numbers  # as in a lexicon
    targets: Numbers  # which of the target tokens each cell is about


def learn(
    pairs: Callable[[], Iterable[Sequence[Pair]]],
    vocabularies: Vocabularies,
    frequent: int,
    likely: int,
    progress: Callable[[int, int], object] = lambda iteration, pairs: None,
) -> Shortlist:
    """The most frequent target tokens, and for each source token the likeliest ones.

    Where both sides share a vocabulary, a source token may also be copied, as names are.

    Args:
        pairs: Reads the corpus from its beginning, some pairs at a time.
        vocabularies: What their ids mean.
        frequent: Number of the most frequent target tokens, which every sentence may say.
        likely: Number of target tokens for each source token.
        progress: Told after each block the iteration and how many of its pairs were read.
    """
    source_size, target_size = (tokenizer.vocab_size for tokenizer in vocabularies)
    occurrences = np.zeros(target_size, dtype=np.int64)
    lexicon: Lexicon | None = None
    for iteration in range(1, ITERATIONS + 1):
        counts = First() if lexicon is None else Further(lexicon)
        read = 0
        for block in pairs():
            counts.add(cells(block, target_size))
            if lexicon is None:
                every = [token for _, target in block for token in target]
                occurrences += np.bincount(np.array(every, dtype=np.int64), minlength=target_size)
            read += len(block)
            progress(iteration, read)
        keys, sums = counts.total()
        sources = keys // target_size
        lexicon = Lexicon(keys, sums / np.bincount(sources, sums)[sources] if len(keys) else sums)
    assert lexicon is not None
    table = likeliest(lexicon, source_size, target_size, likely)
    if vocabularies.source == vocabularies.target:
        table = np.hstack([table, np.arange(source_size)[:, None]])
    ordered = np.argsort(-occurrences[NUM_SPECIAL:], kind="stable")[:frequent] + NUM_SPECIAL
    return Shortlist(torch.from_numpy(np.sort(ordered)), torch.from_numpy(table.astype(np.int32)), target_size)


def cells(block: Sequence[Pair], target_size: int) -> Cells:
    """The cells of some pairs; the end of a source stands for what comes from none of its tokens."""
    used = [
        (np.array([*source, EOS], dtype=np.int64), np.array(target, dtype=np.int64))
        for source, target in block
        if target and len(source) <= LONGEST and len(target) <= LONGEST
    ]
    none = np.zeros(0, dtype=np.int64)
    keys = np.concatenate([none, *((source * target_size + target[:, None]).ravel() for source, target in used)])
    widths = np.concatenate([none, *(np.full(len(target), len(source)) for source, target in used)])
    return Cells(keys, np.repeat(np.arange(len(widths)), widths))


class First:
    """Counts where each source token of a sentence explains a target token alike, in little memory."""

    def __init__(self) -> None:
        self.parts: list[tuple[Numbers, Amounts]] = [(np.zeros(0, dtype=np.int64), np.zeros(0))]
        self.waiting = 0

    def add(self, some: Cells) -> None:
        self.parts.append(added_up(some.keys, 1 / np.bincount(some.targets)[some.targets]))
        self.waiting += len(self.parts[-1][0])
        if self.waiting > WAITING:
            self.parts, self.waiting = [self.total()], 0

    def total(self) -> tuple[Numbers, Amounts]:
        keys, sums = added_up(*(np.concatenate(part) for part in zip(*self.parts, strict=True)))
        if len(keys) <= MOST:
            return keys, sums
        kept = np.sort(np.argpartition(sums, -MOST // 2)[-MOST // 2 :])
        return keys[kept], sums[kept]


class Further:
    """Counts where the source tokens of a sentence share a target token by what is known of them."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.sums = np.zeros(len(lexicon.keys))

    def add(self, some: Cells) -> None:
        places = np.searchsorted(self.lexicon.keys, some.keys)
        places[places == len(self.sums)] = 0
        known = self.lexicon.keys[places] == some.keys if len(self.sums) else np.zeros(len(places), dtype=bool)
        places, targets = places[known], some.targets[known]
        chances = self.lexicon.chances[places]
        np.add.at(self.sums, places, chances / np.bincount(targets, chances)[targets])

    def total(self) -> tuple[Numbers, Amounts]:
        some = self.sums > 0
        return self.lexicon.keys[some], self.sums[some]


def added_up(keys: Numbers, amounts: Amounts) -> tuple[Numbers, Amounts]:
    """Each key once, with the sum of its amounts."""
    found, places = np.unique(keys, return_inverse=True)
    sums: Amounts = np.bincount(places, amounts, len(found)).astype(np.float64)
    return found, sums


def likeliest(lexicon: Lexicon, source_size: int, target_size: int, count: int) -> Any:
    """The likeliest target tokens of each source token, [source_size, count], with PAD where there are fewer."""
    sources, targets = np.divmod(lexicon.keys, target_size)
    order = np.lexsort((-lexicon.chances, sources))
    ranks = np.arange(len(order)) - np.searchsorted(sources, sources)  # the order is by source, as the keys are
    table = np.full((source_size, count), PAD, dtype=np.int64)
    within = ranks < count
    table[sources[within], ranks[within]] = targets[order][within]
    return table


def coverage(shortlist: Shortlist, pairs: Iterable[Sequence[Pair]]) -> tuple[float, float]:
    """The share of target tokens that are among the candidates of their sources, and how many these are on average."""
    covered = tokens = candidates = sentences = 0
    for block in pairs:
        allowed = shortlist.allowed(pad([[*source, EOS] for source, _ in block]))
        wanted = pad([target for _, target in block])
        real = wanted != PAD
        covered += int((allowed.gather(1, wanted) & real).sum())
        tokens += int(real.sum())
        candidates += int(allowed.sum())
        sentences += len(block)
    return covered / max(1, tokens), candidates / max(1, sentences)
