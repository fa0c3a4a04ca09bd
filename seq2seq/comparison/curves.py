"""Learning curves: read from the log of a run, and drawn over tokens and over seconds."""

import itertools
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from seq2seq.pictures import COLORS, MARKERS, escape_math, import_pyplot, save_picture
from seq2seq.training.metrics_log import read_metrics


class CurvePoint(NamedTuple):
    """One validation of a run."""

    step: int  # optimizer steps before it
    tokens: float  # target tokens trained on before it
    seconds: float  # of training before it
    value: float


def learning_curve(run: Path, metric: str) -> list[CurvePoint]:
    """Return the validations of a run, in order."""
    validations = [row for row in read_metrics(run) if metric in row and "tokens" in row]
    return [CurvePoint(int(row["step"]) + 1, row["tokens"], row["seconds"], row[metric]) for row in validations]


def seconds_per_step(run: Path) -> float | None:
    """Return the seconds per step, without the slow first quarter of the steps."""
    times = [(row["step"] + 1, row["seconds"]) for row in read_metrics(run) if "seconds" in row]
    steady = [(0.0, 0.0), *times][(len(times) + 1) // 4 :]
    return statistics.linear_regression(*zip(*steady, strict=True)).slope if times else None


def draw(curves: Mapping[str, Iterable[Iterable[CurvePoint]]], metric: str, path: Path) -> None:
    """Draw a line for each seed, in a style for each label that has one."""
    figure, panels = import_pyplot().subplots(1, 2, figsize=(12, 5), dpi=150, sharey=True, layout="constrained")
    axis_titles = {"tokens": "target tokens trained on", "seconds": "seconds of training"}
    styles = itertools.product(("-", "--", ":"), zip(COLORS, MARKERS, strict=True))
    styled = [*zip(curves.items(), itertools.cycle(styles), strict=False)]
    for axes, (axis, title) in zip(panels, axis_titles.items(), strict=True):
        for (label, seeds), (line, (color, marker)) in styled:
            name = escape_math(label.replace(",", ",\n"))
            for number, points in enumerate(seeds):
                xs, ys = [getattr(point, axis) for point in points], [point.value for point in points]
                axes.plot(xs, ys, line, color=color, marker=marker, markersize=4, label=None if number else name)
        axes.set_xlabel(title)
    panels[0].set_ylabel("validation BLEU" if metric == "val_bleu" else "validation loss (nats a token)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=9)
    save_picture(figure, path)
