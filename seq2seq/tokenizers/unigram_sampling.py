"""Subword sampling from a unigram language model: subword regularization (Kudo, 2018)."""

from bisect import bisect
from functools import lru_cache
from itertools import accumulate
from math import exp, log
from random import Random
from typing import NamedTuple

from seq2seq.tokenizers.pieces import SEGMENT, Pieces, byte_ids

_UNKNOWN_PENALTY = 10.0  # sentencepiece scores a character without a piece this much below the least likely piece
_CACHE_SIZE = 1 << 14  # lattices, of about 2 kB each
_MAX_CACHED_LENGTH = 20  # characters of a segment: longer segments are rare


class Lattice(NamedTuple):
    """The pieces that can start at each position of a segment, stored from the last position to the first.

    Args:
        thresholds: For each piece, the cumulative probability of the pieces that start at its position, up to it.
        ids: For each piece, its id, or the ids of its bytes.
        ends: For each piece, the position after it.
        first_piece: For each position, the index of its first piece.
        last_piece: For each position, the index of its last piece.
    """

    thresholds: tuple[float, ...]
    ids: tuple[tuple[int, ...], ...]
    ends: tuple[int, ...]
    first_piece: tuple[int, ...]
    last_piece: tuple[int, ...]


class UnigramSampler:
    """Samples from all segmentations, each with its probability to the power of 1 - sampling.

    This is forward filtering and backward sampling, mirrored: backward filtering builds the lattice from the end of a
    segment to its start, and forward sampling draws pieces from the start to the end. Segments are independent, since
    no piece crosses their boundaries, and the lattices of short ones are cached. The result depends on the text and the
    seed alone.

    Args:
        pieces: Pieces of the learned model.
        sampling: From 0, the model's own distribution, to 1, which makes all segmentations equally likely.
    """

    def __init__(self, pieces: Pieces, sampling: float) -> None:
        self.sampling = sampling
        power = 1 - sampling
        self._unknown_weight = power * (min(pieces.scores.values()) - _UNKNOWN_PENALTY)
        # prefixes of pieces, which have no ids, let the search for pieces stop where no longer piece is possible
        self._prefixes_and_pieces: dict[str, tuple[tuple[int, ...], float]] = {
            piece[:end]: ((), 0.0) for piece in pieces.ids for end in range(2, len(piece))
        }
        self._prefixes_and_pieces |= {piece[0]: (byte_ids(piece[0]), self._unknown_weight) for piece in pieces.ids}
        self._prefixes_and_pieces |= {piece: (ids, power * pieces.scores[piece]) for piece, ids in pieces.ids.items()}
        self._cached_lattice = lru_cache(_CACHE_SIZE)(self.build_lattice)

    def sample(self, text: str, seed: int) -> list[int]:
        """Return sampled ids of an escaped text, the same for the same seed in every thread and process."""
        random = Random(seed).random
        sampled: list[int] = []
        for segment in SEGMENT.findall(text):
            length = len(segment)
            thresholds, ids, ends, first_piece, last_piece = (
                self._cached_lattice(segment) if length <= _MAX_CACHED_LENGTH else self.build_lattice(segment)
            )
            position = 0
            while position < length:
                piece = bisect(thresholds, random(), first_piece[position], last_piece[position])
                sampled += ids[piece]
                position = ends[piece]
        return sampled

    def build_lattice(self, segment: str) -> Lattice:
        """Return the lattice of all segmentations of a segment."""
        length, find = len(segment), self._prefixes_and_pieces.get
        first_piece, last_piece = [0] * length, [0] * length
        thresholds: list[float] = []
        ids: list[tuple[int, ...]] = []
        ends: list[int] = []
        log_totals = [0.0] * (length + 1)  # log of the total weight of all segmentations from each position on
        for start in range(length - 1, -1, -1):
            first_piece[start] = len(ids)
            log_weights = []
            for end in range(start + 1, length + 1):
                entry = find(segment[start:end])
                if entry is None:
                    if end > start + 1:
                        break
                    entry = byte_ids(segment[start]), self._unknown_weight
                if entry[0]:
                    ids.append(entry[0])
                    ends.append(end)
                    log_weights.append(entry[1] + log_totals[end])
            last_piece[start] = len(ids) - 1
            maximum = max(log_weights)
            cumulative = list(accumulate([exp(weight - maximum) for weight in log_weights]))
            log_totals[start] = maximum + log(cumulative[-1])
            thresholds += [weight / cumulative[-1] for weight in cumulative]
        return Lattice(tuple(thresholds), tuple(ids), tuple(ends), tuple(first_piece), tuple(last_piece))
