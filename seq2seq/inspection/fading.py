"""Summarize gradient norms through time: half-life, horizon and peak."""

import math
from collections.abc import Sequence
from typing import NamedTuple

HORIZON_SHARE = 0.01  # of the first norm, below which hardly anything is learned


class NormSummary(NamedTuple):
    """Summary of the norms at k = 1, 2, ..."""

    half_life: float  # steps in which the norm halves; infinite if it does not decrease
    horizon: int  # the last k with at least 1 % of the first norm; 0 if there is none
    peak: float  # the largest norm, relative to the first
    left: float  # the last norm, relative to the first
    finite: int  # the number of norms before the first one that is not finite


def summarize_norms(norms: Sequence[float]) -> NormSummary:
    """Compute the summary of norms."""
    first = norms[0]
    finite = next((k for k, norm in enumerate(norms) if not math.isfinite(norm)), len(norms))
    if finite == 0 or first == 0.0:
        return NormSummary(math.inf, 0, 0.0, 0.0, finite)
    return NormSummary(half_life(norms), horizon(norms), max(norms[:finite]) / first, norms[finite - 1] / first, finite)


def half_life(norms: Sequence[float]) -> float:
    """Return the steps in which the norm halves, by a least-squares line through its logarithm up to the horizon + 1.

    Norms beyond the horizon are too small to matter and would distort the line.
    """
    rate = slope(norms)
    return -1.0 / rate if rate < 0.0 else math.inf


def slope(norms: Sequence[float]) -> float:
    """Return the slope of log2(norm) per step; positive if the norm grows."""
    points = [(k, math.log2(norm)) for k, norm in enumerate(norms[: horizon(norms) + 1]) if 0.0 < norm < math.inf]
    if len(points) < 2:
        return 0.0
    mean_k = math.fsum(k for k, _ in points) / len(points)
    mean = math.fsum(log for _, log in points) / len(points)
    return math.fsum((k - mean_k) * (log - mean) for k, log in points) / math.fsum((k - mean_k) ** 2 for k, _ in points)


def horizon(norms: Sequence[float], share: float = HORIZON_SHARE) -> int:
    """Return the last k at which the norm is at least this share of the one at k = 1."""
    threshold = share * norms[0]
    return max((k for k, norm in enumerate(norms, start=1) if norm >= threshold and 0.0 < norm < math.inf), default=0)
