"""Subword sampling by byte-pair encoding that drops merges at random: BPE-dropout (Provilkov et al., 2020)."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from heapq import heapify, heappop, heappush
from math import log, log1p
from random import Random
from typing import NamedTuple

from seq2seq.tokenizers.pieces import SEGMENT, Pieces, byte_ids

_CACHE_SIZE = 1 << 16  # merged segments, of about 400 bytes each
_MAX_CACHED_LENGTH = 20  # characters of a segment
_MAX_CACHED_DROPOUT = 0.2  # at a higher rate, the same merges are seldom dropped again
_MIN_DROPOUT = 2.0**-60  # a lower rate drops nothing in practice, and its geometric gaps overflow a float


class MergeResult(NamedTuple):
    """The ids of a merged segment, and the number of merges that were made or dropped."""

    ids: tuple[int, ...]
    num_considered: int


class BpeDropout:
    """Samples segmentations: repeatedly merges the pair of the best rank among the pairs that are not dropped.

    Before every merge, each possible merge is dropped with the given probability, for this step only; when all are
    dropped, the segmentation is finished. So pairs are tried by rank until one is not dropped, and the decisions about
    a segment are one sequence of independent draws, of which the gaps between dropped merges are drawn. Segments are
    independent, since no piece crosses their boundaries, and a segment merged with the same drops is cached. The result
    depends on the text and the seed alone.

    sentencepiece differs: it never tries a dropped pair again.

    Args:
        pieces: Pieces of the learned model.
        sampling: The probability of dropping a merge, up to 1, which leaves single characters.
    """

    def __init__(self, pieces: Pieces, sampling: float) -> None:
        self.sampling = sampling
        self._ids = pieces.ids
        self._ranks = {text: -score for text, score in pieces.scores.items()}
        self._scale = 1 / log1p(-max(sampling, _MIN_DROPOUT)) if sampling < 1 else 0.0
        self._cached_length = _MAX_CACHED_LENGTH if sampling <= _MAX_CACHED_DROPOUT else 0
        self._cached_merge = lru_cache(_CACHE_SIZE)(self.merge)

    def sample(self, text: str, seed: int) -> list[int]:
        """Return sampled ids of an escaped text, the same for the same seed in every thread and process."""
        random = Random(seed).random
        ids: list[int] = []
        for segment in SEGMENT.findall(text):
            drops = self._draw_drops(random)
            if len(segment) > self._cached_length:
                ids += self.merge(segment, drops).ids
                continue
            dropped: tuple[int, ...] = ()
            while (drop := next(drops)) < (merged := self._cached_merge(segment, dropped)).num_considered:
                dropped += (drop,)
            ids += merged.ids
        return ids

    def merge(self, segment: str, drops: Iterable[int] = ()) -> MergeResult:
        """Merge the characters of a segment, except for the dropped merges.

        Args:
            segment: A segment of an escaped text.
            drops: Ascending indices of the dropped merges, counted in the order in which merges are tried.
        """
        drops = iter(drops)
        drop = next(drops, -1)
        rank = self._ranks.get
        symbols = list(segment)  # indexed by its first character; empty once merged into another
        size = len(symbols)
        next_index, previous_index = list(range(1, size + 1)), list(range(-1, size - 1))
        # rank, first character and length of each pair: of equal ranks the leftmost comes first
        pairs = [(best, i, 2) for i in range(size - 1) if (best := rank(segment[i : i + 2])) is not None]
        heapify(pairs)
        dropped: list[tuple[float, int, int]] = []
        num_considered = 0
        while pairs:
            pair = heappop(pairs)
            left = pair[1]
            right = next_index[left]
            if right == size or not symbols[left] or len(symbols[left]) + len(symbols[right]) != pair[2]:
                continue  # one of the two was merged already
            num_considered += 1
            if num_considered - 1 == drop:
                dropped.append(pair)
                drop = next(drops, -1)
                continue
            symbols[left] += symbols[right]
            symbols[right] = ""
            right_neighbor = next_index[left] = next_index[right]
            left_neighbor = previous_index[left]
            if right_neighbor < size:
                previous_index[right_neighbor] = left
                if (best := rank(symbols[left] + symbols[right_neighbor])) is not None:
                    heappush(pairs, (best, left, len(symbols[left]) + len(symbols[right_neighbor])))
            if left_neighbor >= 0 and (best := rank(symbols[left_neighbor] + symbols[left])) is not None:
                heappush(pairs, (best, left_neighbor, len(symbols[left_neighbor]) + len(symbols[left])))
            while dropped:
                heappush(pairs, dropped.pop())
        ids: list[int] = []
        for symbol in filter(None, symbols):
            ids += self._ids.get(symbol) or byte_ids(symbol)
        return MergeResult(tuple(ids), num_considered)

    def _draw_drops(self, random: Callable[[], float]) -> Iterator[int]:
        """Yield the indices of dropped merges; the gaps between them follow a geometric distribution."""
        position = -1
        while True:
            position += 1 + int(log(1 - random()) * self._scale)
            yield position
