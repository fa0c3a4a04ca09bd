"""Plot the learning curves of a comparison over tokens and over seconds."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seq2seq.comparison.curves import CurvePoint
from seq2seq.comparison.results import Result
from seq2seq.pictures import COLORS, MARKERS, escape_math, import_pyplot, save_picture

LINE_STYLES = ("-", "--", ":", "-.")  # distinguish lines of the same color
LOG_AXIS_RATIO = 5  # longest over shortest training above which the axis is logarithmic


class Band(NamedTuple):
    """A validation, over all seeds that reached it."""

    tokens: float
    seconds: float
    low: float
    mean: float
    high: float


def aggregate_seeds(curves: Sequence[Sequence[CurvePoint]]) -> list[Band]:
    """Combine the learning curves of all seeds step by step, without values that are not finite."""
    steps: dict[int, list[CurvePoint]] = {}
    for curve in curves:
        for point in curve:
            if math.isfinite(point.value):
                steps.setdefault(point.step, []).append(point)
    return [
        Band(
            statistics.fmean(point.tokens for point in points),
            statistics.fmean(point.seconds for point in points),
            min(point.value for point in points),
            statistics.fmean(point.value for point in points),
            max(point.value for point in points),
        )
        for _, points in sorted(steps.items())
    ]


def draw(results: Sequence[Result], metric: str, path: Path) -> None:
    """Draw one line per layer: the mean over its seeds, in a band from the worst to the best seed."""
    pyplot = import_pyplot()
    from matplotlib import ticker

    lines = [(result, aggregate_seeds([trial.curve for trial in result.trials])) for result in results]
    figure, panels = pyplot.subplots(1, 2, figsize=(12, 5), dpi=150, sharey=True, layout="constrained")
    for axes, axis in zip(panels, ("tokens", "seconds"), strict=True):
        for index, (result, line) in enumerate(lines):
            if not line:
                continue
            color = COLORS[index % len(COLORS)]
            xs = [getattr(band, axis) for band in line]
            axes.plot(
                xs,
                [band.mean for band in line],
                color=color,
                marker=MARKERS[index % len(MARKERS)],
                linestyle=LINE_STYLES[index // len(COLORS) % len(LINE_STYLES)],
                markersize=4,
                label=label(result),
            )
            axes.fill_between(
                xs, [band.low for band in line], [band.high for band in line], color=color, alpha=0.2, linewidth=0
            )
        last_xs = [getattr(line[-1], axis) for _, line in lines if line]
        if last_xs and max(last_xs) > LOG_AXIS_RATIO * max(min(last_xs), 1e-9):
            axes.set_xscale("log")
        axes.xaxis.set_major_formatter(ticker.EngFormatter(sep="\N{NARROW NO-BREAK SPACE}"))
        axes.set_xlabel("target tokens trained on" if axis == "tokens" else "seconds of training")
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("validation BLEU" if metric == "val_bleu" else "validation loss (nats a token)")
    if limits := y_limits([line for _, line in lines]):
        panels[0].set_ylim(*limits)
    handles, labels = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside right center", frameon=False, fontsize=9)
    save_picture(figure, path)


def label(result: Result) -> str:
    """Return the label of a line, with dollar signs escaped for matplotlib."""
    unfinished = len(result.trials) - len(result.finished)
    text = result.variant.entry + (f" ({unfinished} of {len(result.trials)} did not finish)" if unfinished else "")
    return escape_math(text.replace(",", ",\n"))


def y_limits(lines: Sequence[Sequence[Band]]) -> tuple[float, float] | None:
    """Return the limits of the value axis: all values, except those far above the typical final loss."""
    final_means = [line[-1].mean for line in lines if line]
    lows = [band.low for line in lines for band in line]
    highs = [band.high for line in lines for band in line]
    if not final_means:
        return None
    low, high = min(lows), max(highs)
    typical = statistics.median(final_means)
    high = min(high, max(3 * typical, low + 1e-3)) if typical > 0 else high
    margin = 0.04 * (high - low) or 0.1
    return low - margin, high + margin
