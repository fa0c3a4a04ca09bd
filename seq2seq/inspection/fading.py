"""What a curve of norms says in a few numbers: how fast it falls, how far it reaches, how high it climbs."""

import math
from collections.abc import Sequence
from typing import NamedTuple

SHARE = 0.01  # of the first norm, below which nothing much is learned any more


class Fading(NamedTuple):
    """Norms at k = 1, 2, ... in a few numbers."""

    half_life: float  # steps in which the norm halves; infinite where it does not fall
    horizon: int  # the last k with a hundredth of the first norm; 0 if there is none
    peak: float  # the largest norm, relative to the first
    left: float  # the last norm, relative to the first
    finite: int  # the norms before the first that is no number


def fading(norms: Sequence[float]) -> Fading:
    """The numbers of a curve."""
    first = norms[0]
    known = next((k for k, norm in enumerate(norms) if not math.isfinite(norm)), len(norms))
    if known == 0 or first == 0.0:
        return Fading(math.inf, 0, 0.0, 0.0, known)
    return Fading(half_life(norms), horizon(norms), max(norms[:known]) / first, norms[known - 1] / first, known)


def half_life(norms: Sequence[float]) -> float:
    """Steps in which the norm halves, by a least squares line through its logarithm, as far as the horizon and one on.

    What lies beyond is far below what is learned from, and would hide how the rest falls.
    """
    rate = slope(norms)
    return -1.0 / rate if rate < 0.0 else math.inf


def slope(norms: Sequence[float]) -> float:
    """Binary logarithms a step; above 0 where the norm grows."""
    seen = [(k, math.log2(norm)) for k, norm in enumerate(norms[: horizon(norms) + 1]) if 0.0 < norm < math.inf]
    if len(seen) < 2:
        return 0.0
    mean_k = math.fsum(k for k, _ in seen) / len(seen)
    mean = math.fsum(log for _, log in seen) / len(seen)
    return math.fsum((k - mean_k) * (log - mean) for k, log in seen) / math.fsum((k - mean_k) ** 2 for k, _ in seen)


def horizon(norms: Sequence[float], share: float = SHARE) -> int:
    """The last k at which the norm is still this share of the one at k = 1."""
    enough = share * norms[0]
    return max((k for k, norm in enumerate(norms, start=1) if norm >= enough and 0.0 < norm < math.inf), default=0)
