"""Bootstrap resampling: the interval of a score, and whether the difference of two systems may be chance (Koehn, 2004).

The resamples, intervals and p-values are those of sacreBLEU, which would hold all of them in memory.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from seq2seq.metrics.lines import METRICS, Metrics, References, check_lines, reference_streams

SEED = 12345  # of sacreBLEU
RESAMPLES = 1000
SIGNIFICANT = 0.05  # largest p-value of a difference that is called one

Statistics: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.float64]]  # of each unit, such as a line


class Estimate(NamedTuple):
    """A score of a system, and how certain it is."""

    score: float
    mean: float  # of the resamples
    half_width: float  # of the 95 % interval around the mean
    p_value: float | None = None  # of the difference from the first system; None for the first system


class Comparison(NamedTuple):
    """A score of several systems, the first of which is the baseline."""

    name: str
    higher_is_better: bool
    estimates: dict[str, Estimate]  # by system
    signature: str


def compare_lines(
    systems: Mapping[str, Sequence[str]],
    references: References,
    metrics: Metrics = Metrics(),
    resamples: int = RESAMPLES,
) -> list[Comparison]:
    """Compare the scores of one or more systems by resampling the lines, the same for all.

    Args:
        systems: The lines of each system by its name; the first one is the baseline.
        references: One reference for each line, or several as a list.
        metrics: The metrics and their settings.
        resamples: Number of resamples.

    Raises:
        UserError: unless all have equally many lines, at least one.
    """
    comparisons = []
    streams = reference_streams(next(iter(systems.values())), references)
    for lines in systems.values():
        check_lines(lines, references)
    for name, metric in metrics.create(references).items():
        statistics = {
            system: np.array(metric._extract_corpus_statistics(list(lines), streams), dtype=np.float64)
            for system, lines in systems.items()
        }
        estimates = compare_statistics(statistics, partial(_score, metric), resamples)
        signature = metric.get_signature()
        signature.update("seed", SEED)
        signature.update("bs", resamples)
        title, higher_is_better = METRICS[name]
        comparisons.append(Comparison(title, higher_is_better, estimates, str(signature)))
    return comparisons


def _score(metric: Any, sums: np.ndarray[Any, Any]) -> float:
    return float(metric._compute_score_from_stats(sums.tolist()).score)


def compare_statistics(
    systems: Mapping[str, Statistics], score: Callable[[np.ndarray[Any, Any]], float], resamples: int = RESAMPLES
) -> dict[str, Estimate]:
    """Compare systems by resampling units, such as lines, the same for all.

    The p-value is the share of resamples in which the difference from the first system deviates from its mean by more
    than the measured difference (Riezler and Maxwell, 2005).

    Args:
        systems: Of each system one row of statistics for each unit, [units, statistics]; the first is the baseline.
        score: Returns the score of the sums of the statistics.
        resamples: Number of resamples.
    """
    estimates: dict[str, Estimate] = {}
    baseline, baseline_value = np.zeros(0), 0.0
    for system, statistics in systems.items():
        value = score(statistics.sum(0))
        scores = np.array([score(sums) for sums in resampled_sums(statistics, resamples)])
        p_value = None
        if estimates:
            differences = np.abs(scores - baseline)
            larger = differences - differences.mean() > abs(value - baseline_value)
            # equal scores are no evidence of a difference, whatever share of the resamples has one
            p_value = float((larger.sum() + 1) / (resamples + 1)) if value != baseline_value else 1.0
        else:
            baseline, baseline_value = scores, value
        ordered = np.sort(scores)
        half_width = float(ordered[-1 - resamples // 40] - ordered[resamples // 40]) / 2
        estimates[system] = Estimate(value, float(scores.mean()), half_width, p_value)
    return estimates


def resampled_sums(statistics: Statistics, resamples: int) -> Statistics:
    """Return the sums of the statistics over each resample, [resamples, statistics], equal in every process."""
    units = len(statistics)
    rng = np.random.default_rng(SEED)
    counts = (np.bincount(rng.choice(units, size=units), minlength=units) for _ in range(resamples))
    return np.stack([count @ statistics for count in counts])


def conclude(comparisons: Sequence[Comparison]) -> list[str]:
    """Return for each system but the first a sentence on the differences from the first one that are not chance."""
    baseline, *systems = comparisons[0].estimates
    sentences = []
    for system in systems:
        parts: dict[str, list[str]] = {"better": [], "worse": [], "chance": []}
        for comparison in comparisons:
            first, second = comparison.estimates[baseline], comparison.estimates[system]
            difference = second.score - first.score
            p_value = 1.0 if second.p_value is None else second.p_value
            text = f"{comparison.name} ({difference:+.2f}, p = {p_value:.3f})"
            if p_value >= SIGNIFICANT:
                parts["chance"].append(text)
            else:
                parts["better" if (difference > 0) == comparison.higher_is_better else "worse"].append(text)
        findings = [
            f"{kind} than {baseline} by {', '.join(parts[kind])}" for kind in ("better", "worse") if parts[kind]
        ]
        sentence = (
            f"{system} is {' and '.join(findings)}" if findings else f"{system} is not shown to differ from {baseline}"
        )
        chance = f"; may be chance: {', '.join(parts['chance'])}" if parts["chance"] else ""
        sentences.append(sentence + chance)
    return sentences
