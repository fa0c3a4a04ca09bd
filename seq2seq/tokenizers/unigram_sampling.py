"""Segmentations drawn from a unigram model: subword regularization (Kudo, 2018)."""

from bisect import bisect
from functools import lru_cache
from itertools import accumulate
from math import exp, log
from random import Random
from typing import NamedTuple

from seq2seq.tokenizers.pieces import SEGMENT, Pieces, byte_ids

_UNKNOWN_PENALTY = 10.0  # by which sentencepiece places a character without a piece below the least likely piece
_CACHED = 1 << 14  # lattices that are kept, of about 2 kB each
_CACHED_LENGTH = 20  # characters of the longest segment whose lattice is: longer ones are rare


class Lattice(NamedTuple):
    """The pieces that can begin at each position of a segment, the positions from the last to the first.

    Args:
        thresholds: Of each piece: how probable it and those before it at its position are, given that one begins there.
        ids: Of each piece; several if it is spelled in bytes.
        ends: Of each piece: the position after it.
        firsts: Of each position: the number of its first piece.
        lasts: Of each position: the number of its last piece.
    """

    thresholds: tuple[float, ...]
    ids: tuple[tuple[int, ...], ...]
    ends: tuple[int, ...]
    firsts: tuple[int, ...]
    lasts: tuple[int, ...]


class UnigramSampler:
    """Draws a segmentation with its probability to the power of 1 - sampling, among all there are.

    The lattice is filtered from the end of a segment to its start and sampled from the start to the end, the mirror
    image of forward filtering and backward sampling. Segments are independent, since no piece goes from one into the
    next, and the lattices of short ones are kept. What is drawn depends on the text and the seed alone.

    Args:
        pieces: Of the learned model.
        sampling: From 0, the model's own distribution, to 1, by which all segmentations are equally likely.
    """

    def __init__(self, pieces: Pieces, sampling: float) -> None:
        self.sampling = sampling
        power = 1 - sampling
        self._unknown = power * (min(pieces.scores.values()) - _UNKNOWN_PENALTY)
        # beside each piece what it begins with, so that a search can end where no piece goes on; it has no ids
        self._known: dict[str, tuple[tuple[int, ...], float]] = {
            piece[:end]: ((), 0.0) for piece in pieces.ids for end in range(2, len(piece))
        }
        self._known |= {piece[0]: (byte_ids(piece[0]), self._unknown) for piece in pieces.ids}
        self._known |= {piece: (ids, power * pieces.scores[piece]) for piece, ids in pieces.ids.items()}
        self._cached = lru_cache(_CACHED)(self.lattice)

    def sample(self, text: str, seed: int) -> list[int]:
        """Return the ids of an escaped text, the same for the same seed in every thread and process."""
        random = Random(seed).random
        sampled: list[int] = []
        for segment in SEGMENT.findall(text):
            length = len(segment)
            thresholds, ids, ends, firsts, lasts = (
                self._cached(segment) if length <= _CACHED_LENGTH else self.lattice(segment)
            )
            position = 0
            while position < length:
                chosen = bisect(thresholds, random(), firsts[position], lasts[position])
                sampled += ids[chosen]
                position = ends[chosen]
        return sampled

    def lattice(self, segment: str) -> Lattice:
        """Return all that a segment can be cut into."""
        length, find = len(segment), self._known.get
        firsts, lasts = [0] * length, [0] * length
        thresholds: list[float] = []
        ids: list[tuple[int, ...]] = []
        ends: list[int] = []
        totals = [0.0] * (length + 1)  # log of the summed weights of all segmentations from a position on
        for begin in range(length - 1, -1, -1):
            firsts[begin] = len(ids)
            weights = []
            for end in range(begin + 1, length + 1):
                known = find(segment[begin:end])
                if known is None:
                    if end > begin + 1:
                        break
                    known = byte_ids(segment[begin]), self._unknown
                if known[0]:
                    ids.append(known[0])
                    ends.append(end)
                    weights.append(known[1] + totals[end])
            lasts[begin] = len(ids) - 1
            most = max(weights)
            sums = list(accumulate([exp(weight - most) for weight in weights]))
            totals[begin] = most + log(sums[-1])
            thresholds += [part / sums[-1] for part in sums]
        return Lattice(tuple(thresholds), tuple(ids), tuple(ends), tuple(firsts), tuple(lasts))
