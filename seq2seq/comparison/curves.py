"""The validations of a run and its pace, as its log has them."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from seq2seq.training.metrics_log import rows


class Point(NamedTuple):
    """A validation."""

    step: int  # optimiser steps before it
    tokens: float  # target tokens that were trained on before it
    seconds: float  # of training before it
    value: float


def curve(run: Path, metric: str) -> list[Point]:
    """The validations of a run, in order."""
    found = [row for row in rows(run) if metric in row and "tokens" in row]
    return [Point(int(row["step"]) + 1, row["tokens"], row["seconds"], row[metric]) for row in found]


def pace(run: Path, skipped: int) -> float | None:
    """Seconds of a step, the first few of which are slow and left out if there are others."""
    timed = [(row["step"] + 1, row["seconds"]) for row in rows(run) if "seconds" in row]
    if not timed:
        return None
    last = timed[-1]
    begin = next((one for one in timed if one[0] >= skipped and one[0] < last[0]), (0.0, 0.0))
    return (last[1] - begin[1]) / (last[0] - begin[0])


def best(points: Iterable[Point], metric: str) -> float:
    """The best validation, which is the one whose checkpoint is kept; nan if there is none with a finite value."""
    values = [point.value for point in points if math.isfinite(point.value)]
    return (max if metric == "val_bleu" else min)(values, default=math.nan)
