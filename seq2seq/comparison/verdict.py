"""Which layer is best, and which differences are no more than chance."""

import math
from collections.abc import Sequence
from typing import NamedTuple

CHANCE = "with one seed nothing says which differences are chance"
DIGITS = {"val_loss": 4, "val_bleu": 2}  # behind the point


class Score(NamedTuple):
    """The mean over seeds, and the sample standard deviation, which one seed has not."""

    name: str
    mean: float
    spread: float | None


def differ(one: Score, other: Score) -> bool | None:
    """Whether two means lie further apart than the larger of their spreads; None if no spread is known."""
    spreads = [score.spread for score in (one, other) if score.spread is not None]
    return abs(one.mean - other.mean) > max(spreads) if spreads else None


def verdict(scores: Sequence[Score], metric: str) -> str:
    """What a comparison says, in sentences.

    Args:
        scores: Best first; those with no number last.
        metric: val_loss or val_bleu.
    """
    finished = [score for score in scores if math.isfinite(score.mean)]
    lost = [score.name for score in scores if not math.isfinite(score.mean)]
    unit = "BLEU" if metric == "val_bleu" else "nats"
    digits = DIGITS[metric]
    sentences = []
    if finished:
        best, *others = finished
        against = [(other, differ(best, other)) for other in others]
        unsure = [shown(other, digits) for other, sure in against if sure is None]
        unknown = bool(unsure) or (not others and best.spread is None)
        tied = [other for other, sure in against if sure is False]
        title = "Lowest" if unknown and metric != "val_bleu" else "Highest" if unknown else "Best"
        sentences.append(f"{title}: {best.name}, {number(best, digits)} {unit}.")
        for other in tied:
            gap = f"{abs(other.mean - best.mean):.{digits}f}"
            sentences.append(
                f"{shown(other, digits)} is no different: the gap, {gap}, is within the spread over seeds."
            )
        if behind := [shown(other, digits) for other, sure in against if sure]:
            sentences.append(f"Behind: {', '.join(behind)}.")
        if unsure:
            sentences.append(f"Then: {', '.join(unsure)}; {CHANCE}.")
        elif unknown:
            sentences.append(f"{CHANCE.capitalize()}.")
    if lost:
        sentences.append(f"Without a result: {', '.join(lost)}.")
    return " ".join(sentences)


def shown(score: Score, digits: int) -> str:
    """A name with its number."""
    return f"{score.name} ({number(score, digits)})"


def number(score: Score, digits: int) -> str:
    """The mean, and the spread if there is one."""
    return f"{score.mean:.{digits}f}" + ("" if score.spread is None else f" ± {score.spread:.{digits}f}")
