"""What the log of a run says: its validations, and its pace."""

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

Row = dict[str, float]


class Point(NamedTuple):
    """A validation."""

    step: int  # optimiser steps before it
    tokens: float  # target tokens that were trained on before it
    seconds: float  # of training before it
    value: float


def rows(run: Path) -> list[Row]:
    """The log of a run, whose parts are several if it went on; what a later part trained again counts once."""
    joined: list[Row] = []
    versions = sorted((run / "logs").glob("version_*/metrics.csv"), key=lambda path: int(path.parent.name[8:]))
    for version in versions:
        with version.open(encoding="utf-8", newline="") as file:
            part = [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(file)]
        first = min((row["tokens"] for row in part if "tokens" in row), default=math.inf)
        joined = [row for row in joined if row.get("tokens", math.inf) < first or not part] + part
    return joined


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
