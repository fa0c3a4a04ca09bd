"""Read the learning curve of a run and its time per step from its log."""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from seq2seq.comparison.json_records import remedy
from seq2seq.errors import UserError
from seq2seq.training.metrics_log import Row, read_metrics


class CurvePoint(NamedTuple):
    """One validation of a run."""

    step: int  # optimizer steps before it
    tokens: float  # target tokens trained on before it
    seconds: float  # of training before it
    value: float


def read_rows(run: Path) -> list[Row]:
    """Return the logged metrics of a run. Raises a UserError with the remedy if its log is damaged."""
    with remedy(f"remove {run}: it is trained again"):
        rows = read_metrics(run)
        for row in rows:
            for name in ("tokens", "seconds"):
                if not 0 <= row.get(name, 0) < math.inf:
                    raise UserError(
                        f"{name} must be at least 0 and finite in each metrics.csv of {run / 'logs'}, "
                        f"and {row[name]} was given"
                    )
    return rows


def learning_curve(run: Path, metric: str) -> list[CurvePoint]:
    """Return the validations of a run, in order."""
    validations = [row for row in read_rows(run) if metric in row and "tokens" in row]
    return [CurvePoint(int(row["step"]) + 1, row["tokens"], row["seconds"], row[metric]) for row in validations]


def seconds_per_step(run: Path, warm_up: int) -> float | None:
    """Return the seconds per step, without the slow first steps if there are others."""
    times = [(row["step"] + 1, row["seconds"]) for row in read_rows(run) if "seconds" in row]
    if not times:
        return None
    last = times[-1]
    first = next((time for time in times if time[0] >= warm_up and time[0] < last[0]), (0.0, 0.0))
    return (last[1] - first[1]) / (last[0] - first[0])


def best_value(points: Iterable[CurvePoint], metric: str) -> float:
    """Return the best validation, whose checkpoint is kept; NaN if none is finite."""
    values = [point.value for point in points if math.isfinite(point.value)]
    return (max if metric == "val_bleu" else min)(values, default=math.nan)
