"""Gradient norms of a model layer by layer: their half-life, horizon and peak, and a sentence that describes them."""

import math
from collections.abc import Sequence
from typing import NamedTuple

HORIZON_SHARE = 0.01  # of the first norm, below which hardly anything is learned
EXPLOSION_THRESHOLD = 100.0  # relative to the first norm


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


class Curve(NamedTuple):
    """The gradient norms of one model."""

    label: str
    source: str  # checkpoint, run or configuration, as given by the user
    trained: bool
    unit: str  # the tokens of a step: characters, bytes, words, subwords
    norms: list[list[float]]  # of each layer from the input up, at k = 1, 2, ...

    @property
    def name(self) -> str:
        return f"{self.label}, {'after' if self.trained else 'before'} training"

    @property
    def steps(self) -> int:
        return len(self.norms[0])

    @property
    def furthest_layer(self) -> int:
        """The index of the layer with the longest horizon."""
        summaries = [summarize_norms(norms) for norms in self.norms]
        return max(range(len(summaries)), key=lambda layer: (summaries[layer].horizon, summaries[layer].left))


def describe_curve(curve: Curve) -> str:
    """Describe the norms of the layer with the longest horizon."""
    norms = curve.norms[curve.furthest_layer]
    prefix = (
        f"layer {curve.furthest_layer + 1} of {len(curve.norms)} reaches furthest: " if len(curve.norms) > 1 else ""
    )
    return prefix + describe_norms(summarize_norms(norms), norms, curve.unit)


def describe_norms(summary: NormSummary, norms: Sequence[float], unit: str) -> str:
    steps = len(norms)
    if summary.finite < steps:
        return f"the gradient is not finite from {summary.finite + 1:,} {unit} back on: the weights have diverged"
    if summary.horizon == 0:
        return "no gradient reaches any state, so nothing before the last of the " + unit + " is learned"
    if summary.peak > EXPLOSION_THRESHOLD:
        return (
            f"grows {describe_growth(norms)}, to {summary.peak:.1e} times what it was: gradients explode, so clip them"
        )
    if summary.horizon < steps:
        rate = f"halves every {format_steps(summary.half_life)} {unit}: " if summary.half_life < steps else ""
        return (
            f"{rate}less than 1 % is left beyond {summary.horizon:,} {unit}, so hardly anything further back is learned"
        )
    if summary.left > 1.0:
        return f"does not fade within {steps:,} {unit}: at the end it is {summary.left:.1f} times what it was"
    rate = f"halves every {format_steps(summary.half_life)} {unit}, " if summary.half_life < 2 * steps else ""
    return f"{rate}does not fade out within {steps:,} {unit}: {format_percent(summary.left)} is left there"


def describe_growth(norms: Sequence[float]) -> str:
    """Describe the average growth, or say that it is temporary."""
    factor = 2.0 ** (10 * slope(norms))
    return f"{factor:.2g}-fold every 10 steps" if factor > 1.0 else "for a while"


def format_steps(steps: float) -> str:
    return f"{steps:.1f}" if steps < 10 else f"{steps:,.0f}"


def format_percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"


def compare_curves(curves: Sequence[Curve]) -> str | None:
    """Compare the horizons of several models, without those whose gradients explode."""
    stable = [(longest_horizon(curve), curve) for curve in curves if is_stable(curve)]
    if len(stable) < 2:
        return None
    longest, shortest = max(horizon for horizon, _ in stable), min(horizon for horizon, _ in stable)
    if longest == shortest:
        return f"all reach {format_horizon(longest, stable[0][1])}"
    far, near = ([curve for horizon, curve in stable if horizon == extreme] for extreme in (longest, shortest))
    return (
        f"furthest: {'; '.join(curve.name for curve in far)}: {format_horizon(longest, far[0])}. "
        f"shortest: {'; '.join(curve.name for curve in near)}: {format_horizon(shortest, near[0])}"
    )


def longest_horizon(curve: Curve) -> int:
    return summarize_norms(curve.norms[curve.furthest_layer]).horizon


def is_stable(curve: Curve) -> bool:
    summaries = [summarize_norms(norms) for norms in curve.norms]
    return all(summary.finite == curve.steps and summary.peak <= EXPLOSION_THRESHOLD for summary in summaries)


def format_horizon(horizon: int, curve: Curve) -> str:
    return f"{horizon:,} {curve.unit}" + (" and more" if horizon == curve.steps else "")
