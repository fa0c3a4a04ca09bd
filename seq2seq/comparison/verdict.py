"""State which layer is best, and which differences are within the spread over seeds."""

import math
from collections.abc import Sequence
from typing import NamedTuple

ONE_SEED_NOTE = "with one seed, differences cannot be told from noise"
DECIMALS = {"val_loss": 4, "val_bleu": 2}  # shown of a score


class Score(NamedTuple):
    """The mean over seeds, and the sample standard deviation, which is None for one seed."""

    name: str
    mean: float
    spread: float | None


def differs_significantly(one: Score, other: Score) -> bool | None:
    """Return whether two means differ by more than the larger of their spreads; None if no spread is known."""
    spreads = [score.spread for score in (one, other) if score.spread is not None]
    return abs(one.mean - other.mean) > max(spreads) if spreads else None


def verdict(scores: Sequence[Score], metric: str) -> str:
    """Summarize a comparison in sentences.

    Args:
        scores: Best first; those that are not finite last.
        metric: val_loss or val_bleu.
    """
    finished = [score for score in scores if math.isfinite(score.mean)]
    unfinished = [score.name for score in scores if not math.isfinite(score.mean)]
    unit = "BLEU" if metric == "val_bleu" else "nats"
    decimals = DECIMALS[metric]
    sentences = []
    if finished:
        best, *others = finished
        comparisons = [(other, differs_significantly(best, other)) for other in others]
        undecided = [name_with_score(other, decimals) for other, significant in comparisons if significant is None]
        no_spread = bool(undecided) or (not others and best.spread is None)
        tied = [other for other, significant in comparisons if significant is False]
        title = "Lowest" if no_spread and metric != "val_bleu" else "Highest" if no_spread else "Best"
        sentences.append(f"{title}: {best.name}, {format_mean_spread(best, decimals)} {unit}.")
        for other in tied:
            gap = f"{abs(other.mean - best.mean):.{decimals}f}"
            sentences.append(
                f"{name_with_score(other, decimals)} is no different: the gap, {gap}, is within the spread over seeds."
            )
        if behind := [name_with_score(other, decimals) for other, significant in comparisons if significant]:
            sentences.append(f"Behind: {', '.join(behind)}.")
        if undecided:
            sentences.append(f"Then: {', '.join(undecided)}; {ONE_SEED_NOTE}.")
        elif no_spread:
            sentences.append(f"{ONE_SEED_NOTE.capitalize()}.")
    if unfinished:
        sentences.append(f"Without a result: {', '.join(unfinished)}.")
    return " ".join(sentences)


def name_with_score(score: Score, decimals: int) -> str:
    """Format a name with its score."""
    return f"{score.name} ({format_mean_spread(score, decimals)})"


def format_mean_spread(score: Score, decimals: int) -> str:
    """Format the mean, and the spread if there is one."""
    return f"{score.mean:.{decimals}f}" + ("" if score.spread is None else f" ± {score.spread:.{decimals}f}")
