"""Segmentations drawn from a unigram model: subword regularization (Kudo, 2018)."""

from bisect import bisect
from functools import lru_cache
from itertools import accumulate
from math import exp, log
from random import Random
from typing import NamedTuple

from seq2seq.tokenizers.pieces import SEGMENT, Pieces, byte_ids

_UNKNOWN_PENALTY = 10.0  # by which sentencepiece places a character without a piece below the least likely piece
_CACHED = 1 << 14  # lattices that are kept, of about 3 kB each
_CACHED_LENGTH = 20  # characters of the longest segment that is: longer ones are rare, and their lattices large


class Node(NamedTuple):
    """A position in a segment, and the pieces that can begin there."""

    thresholds: tuple[float, ...]  # between the pieces' cumulative probabilities, given that a piece begins here
    ids: tuple[tuple[int, ...], ...]
    ends: "tuple[Node | None, ...]"  # None is the segment's end


class UnigramSampler:
    """Draws a segmentation with its probability to the power of 1 - sampling, among all there are.

    The lattice is filtered from the end of a segment to its start and sampled from the start to the end, the mirror
    image of forward filtering and backward sampling. Segments are independent, since no piece goes from one into the
    next, and the lattice of each is kept. What is drawn depends on the text and the seed alone.

    Args:
        pieces: Of the learned model.
        sampling: From 0, the model's own distribution, to 1, by which all segmentations are equally likely.
    """

    def __init__(self, pieces: Pieces, sampling: float) -> None:
        self.sampling = sampling
        power = 1 - sampling
        self._pieces: dict[str, tuple[tuple[int, ...], float]]
        self._pieces = {text: (ids, power * pieces.scores[text]) for text, ids in pieces.ids.items()}
        self._unknown = power * (min(pieces.scores.values()) - _UNKNOWN_PENALTY)
        self._longest = max(map(len, pieces.ids))
        self._cached = lru_cache(_CACHED)(self.lattice)

    def sample(self, text: str, seed: int) -> list[int]:
        """Return the ids of an escaped text, the same for the same seed in every thread and process."""
        random = Random(seed).random
        ids: list[int] = []
        node: Node | None
        for segment in SEGMENT.findall(text):
            node = self._cached(segment) if len(segment) <= _CACHED_LENGTH else self.lattice(segment)
            while node is not None:
                thresholds, choices, ends = node
                chosen = bisect(thresholds, random())
                ids += choices[chosen]
                node = ends[chosen]
        return ids

    def lattice(self, segment: str) -> Node:
        """Return the first position of a segment, which leads to the others."""
        length, find = len(segment), self._pieces.get
        nodes: list[Node | None] = [None] * (length + 1)
        totals = [0.0] * (length + 1)  # log of the summed weights of all segmentations from a position on
        for begin in range(length - 1, -1, -1):
            ids, ends, weights = [], [], []
            for end in range(begin + 1, min(begin + self._longest, length) + 1):
                if (piece := find(segment[begin:end])) is None:
                    if end > begin + 1:
                        continue
                    piece = byte_ids(segment[begin]), self._unknown
                ids.append(piece[0])
                ends.append(nodes[end])
                weights.append(piece[1] + totals[end])
            most = max(weights)
            sums = list(accumulate([exp(weight - most) for weight in weights]))
            total = sums.pop()
            totals[begin] = most + log(total)
            nodes[begin] = Node(tuple([part / total for part in sums]), tuple(ids), tuple(ends))
        assert nodes[0] is not None
        return nodes[0]
