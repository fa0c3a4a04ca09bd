"""Learning curves: read from the log of a run, and drawn over tokens and over seconds."""

import itertools
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from seq2seq.comparison.records import remedy
from seq2seq.pictures import COLORS, MARKERS, escape_math, import_pyplot, save_picture
from seq2seq.training.metrics_log import Row, read_metrics

LINE_STYLES = ("-", "--", ":", "-.")  # distinguish lines of the same color
LOG_AXIS_RATIO = 5  # longest over shortest training above which the axis is logarithmic


class CurvePoint(NamedTuple):
    """One validation of a run."""

    step: int  # optimizer steps before it
    tokens: float  # target tokens trained on before it
    seconds: float  # of training before it
    value: float


class Band(NamedTuple):
    """A validation, over all seeds that reached it."""

    tokens: float
    seconds: float
    low: float
    mean: float
    high: float


def read_rows(run: Path) -> list[Row]:
    """Return the logged metrics of a run. Raises a UserError with the remedy if its log is damaged."""
    with remedy(f"remove {run}: it is trained again"):
        return read_metrics(run)


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


def aggregate_seeds(curves: Iterable[Iterable[CurvePoint]]) -> list[Band]:
    """Combine the learning curves of all seeds step by step, without values that are not finite."""
    steps: dict[int, list[CurvePoint]] = {}
    for point in itertools.chain(*curves):
        if math.isfinite(point.value):
            steps.setdefault(point.step, []).append(point)
    bands = []
    for _, points in sorted(steps.items()):
        _, tokens, seconds, values = zip(*points, strict=True)
        mean = statistics.fmean
        bands.append(Band(mean(tokens), mean(seconds), min(values), mean(values), max(values)))
    return bands


def draw(curves: Mapping[str, Iterable[Iterable[CurvePoint]]], metric: str, path: Path) -> None:
    """Draw a line per label: the mean over its seeds, in a band from the worst to the best seed."""
    pyplot = import_pyplot()
    from matplotlib import ticker
    from matplotlib.rcsetup import cycler

    lines = {label: bands for label, seeds in curves.items() if (bands := aggregate_seeds(seeds))}
    figure, panels = pyplot.subplots(1, 2, figsize=(12, 5), dpi=150, sharey=True, layout="constrained")
    for axes, axis in zip(panels, ("tokens", "seconds"), strict=True):
        axes.set_prop_cycle(cycler(linestyle=LINE_STYLES) * (cycler(color=COLORS) + cycler(marker=MARKERS)))
        for label, bands in lines.items():
            xs = [getattr(band, axis) for band in bands]
            (line,) = axes.plot(xs, [band.mean for band in bands], markersize=4, label=escape_math(label))
            low, high = [band.low for band in bands], [band.high for band in bands]
            axes.fill_between(xs, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
        last_xs = [getattr(bands[-1], axis) for bands in lines.values()]
        if last_xs and max(last_xs) > LOG_AXIS_RATIO * max(min(last_xs), 1e-9):
            axes.set_xscale("log")
        axes.xaxis.set_major_formatter(ticker.EngFormatter(sep="\N{NARROW NO-BREAK SPACE}"))
        axes.set_xlabel("target tokens trained on" if axis == "tokens" else "seconds of training")
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("validation BLEU" if metric == "val_bleu" else "validation loss (nats a token)")
    if lines:
        panels[0].set_ylim(*y_limits(list(lines.values())))
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=9)
    save_picture(figure, path)


def y_limits(lines: Sequence[Sequence[Band]]) -> tuple[float, float]:
    """Return the limits of the value axis: all values, except those far above the typical final loss."""
    low = min(band.low for line in lines for band in line)
    high = max(band.high for line in lines for band in line)
    typical = statistics.median(line[-1].mean for line in lines)
    if typical > 0:
        high = min(high, max(3 * typical, low + 1e-3))
    margin = 0.04 * (high - low) or 0.1
    return low - margin, high + margin
