"""Segmentations by byte-pair encoding that leaves out merges at random: BPE-dropout (Provilkov et al., 2020)."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from heapq import heapify, heappop, heappush
from math import log, log1p
from random import Random
from typing import NamedTuple

from seq2seq.tokenizers.pieces import SEGMENT, Pieces, byte_ids

_CACHED = 1 << 16  # merged segments that are kept, of about 400 bytes each
_CACHED_LENGTH = 20  # characters of the longest one that is
_CACHED_DROPOUT = 0.2  # with more, the same merges are seldom dropped again
_LEAST_DROPOUT = 2.0**-60  # less drops nothing in practice, and would not fit into a float


class Merged(NamedTuple):
    """A segment after its merges."""

    ids: tuple[int, ...]
    considered: int  # merges that were made or dropped


class BpeDropout:
    """Merges the pair with the best rank again and again, each time among those that are not dropped.

    Before every merge each possible one is dropped with the given probability, for this once; when all are, the
    segmentation is done. So pairs are considered by rank until one is not dropped, and all decisions about a segment
    are one sequence of independent draws: what is drawn is how many merges are made before the next is dropped.
    Segments are independent, since no piece goes from one into the next, and those merged with the same drops are kept.
    What is drawn depends on the text and the seed alone.

    sentencepiece differs in that it considers a pair that was dropped never again.

    Args:
        pieces: Of the learned model.
        sampling: The probability with which a merge is dropped, up to 1, which leaves the characters.
    """

    def __init__(self, pieces: Pieces, sampling: float) -> None:
        self.sampling = sampling
        self._ids = pieces.ids
        self._ranks = {text: -score for text, score in pieces.scores.items()}
        self._scale = 1 / log1p(-max(sampling, _LEAST_DROPOUT)) if sampling < 1 else 0.0
        self._cached_length = _CACHED_LENGTH if sampling <= _CACHED_DROPOUT else 0
        self._cached = lru_cache(_CACHED)(self.merge)

    def sample(self, text: str, seed: int) -> list[int]:
        """Return the ids of an escaped text, the same for the same seed in every thread and process."""
        random = Random(seed).random
        ids: list[int] = []
        for segment in SEGMENT.findall(text):
            drops = self._drops(random)
            if len(segment) > self._cached_length:
                ids += self.merge(segment, drops).ids
                continue
            dropped: tuple[int, ...] = ()
            while (drop := next(drops)) < (merged := self._cached(segment, dropped)).considered:
                dropped += (drop,)
            ids += merged.ids
        return ids

    def merge(self, segment: str, drops: Iterable[int] = ()) -> Merged:
        """Merge a segment, except for the merges that are dropped.

        Args:
            segment: Whose characters are merged.
            drops: Which merges are dropped, as rising numbers in the order in which they are considered.
        """
        drops = iter(drops)
        drop = next(drops, -1)
        rank = self._ranks.get
        symbols = list(segment)  # each at its first character; empty where it was merged into another
        size = len(symbols)
        following, preceding = list(range(1, size + 1)), list(range(-1, size - 1))
        # rank, first character and length: of equal ranks the leftmost is the best
        pairs = [(best, i, 2) for i in range(size - 1) if (best := rank(segment[i : i + 2])) is not None]
        heapify(pairs)
        dropped: list[tuple[float, int, int]] = []
        considered = 0
        while pairs:
            pair = heappop(pairs)
            left = pair[1]
            right = following[left]
            if right == size or not symbols[left] or len(symbols[left]) + len(symbols[right]) != pair[2]:
                continue  # one of the two was merged into something else
            considered += 1
            if considered - 1 == drop:
                dropped.append(pair)
                drop = next(drops, -1)
                continue
            symbols[left] += symbols[right]
            symbols[right] = ""
            after = following[left] = following[right]
            before = preceding[left]
            if after < size:
                preceding[after] = left
                if (best := rank(symbols[left] + symbols[after])) is not None:
                    heappush(pairs, (best, left, len(symbols[left]) + len(symbols[after])))
            if before >= 0 and (best := rank(symbols[before] + symbols[left])) is not None:
                heappush(pairs, (best, before, len(symbols[before]) + len(symbols[left])))
            while dropped:
                heappush(pairs, dropped.pop())
        ids: list[int] = []
        for symbol in filter(None, symbols):
            ids += self._ids.get(symbol) or byte_ids(symbol)
        return Merged(tuple(ids), considered)

    def _drops(self, random: Callable[[], float]) -> Iterator[int]:
        """Draw which merges are dropped; the gaps between them are geometric."""
        position = -1
        while True:
            position += 1 + int(log(1 - random()) * self._scale)
            yield position
