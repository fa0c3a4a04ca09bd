"""The validations of a comparison as a picture: over tokens, and over seconds."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seq2seq.comparison.curves import Point
from seq2seq.comparison.results import Result
from seq2seq.storage import atomic_write

# told apart by every eye (Okabe and Ito, 2008); the marks and dashes tell apart what has the same colour again
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", ":", "-.")
FAR = 5  # times that the longest training must outlast the shortest for a logarithmic axis


class Band(NamedTuple):
    """A validation over all seeds that came to it."""

    tokens: float
    seconds: float
    low: float
    mean: float
    high: float


def bands(curves: Sequence[Sequence[Point]]) -> list[Band]:
    """The curves of the seeds as one, step by step; values that are no numbers are left out."""
    steps: dict[int, list[Point]] = {}
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
    """One line a layer, the mean over its seeds, in a band from the worst seed to the best."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot, ticker

    lines = [(result, bands([trial.curve for trial in result.trials])) for result in results]
    figure, panels = pyplot.subplots(1, 2, figsize=(12, 5), dpi=150, sharey=True, layout="constrained")
    for axes, name in zip(panels, ("tokens", "seconds"), strict=True):
        for place, (result, line) in enumerate(lines):
            if not line:
                continue
            colour = COLOURS[place % len(COLOURS)]
            across = [getattr(band, name) for band in line]
            axes.plot(
                across,
                [band.mean for band in line],
                color=colour,
                marker=MARKS[place % len(MARKS)],
                linestyle=DASHES[place // len(COLOURS) % len(DASHES)],
                markersize=4,
                label=label(result),
            )
            axes.fill_between(
                across, [band.low for band in line], [band.high for band in line], color=colour, alpha=0.2, linewidth=0
            )
        ends = [getattr(line[-1], name) for _, line in lines if line]
        if ends and max(ends) > FAR * max(min(ends), 1e-9):
            axes.set_xscale("log")
        axes.xaxis.set_major_formatter(ticker.EngFormatter(sep="\N{NARROW NO-BREAK SPACE}"))
        axes.set_xlabel("target tokens trained on" if name == "tokens" else "seconds of training")
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("validation BLEU" if metric == "val_bleu" else "validation loss (nats a token)")
    if limits := shown_range([line for _, line in lines]):
        panels[0].set_ylim(*limits)
    handles, labels = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside right center", frameon=False, fontsize=9)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png")
    pyplot.close(figure)


def label(result: Result) -> str:
    """The name of a line; a dollar in it is a dollar."""
    lost = len(result.trials) - len(result.finished)
    text = result.variant.entry + (f" ({lost} of {len(result.trials)} did not finish)" if lost else "")
    return text.replace(",", ",\n").replace("$", r"\$")


def shown_range(lines: Sequence[Sequence[Band]]) -> tuple[float, float] | None:
    """What the picture shows of the values: where nothing runs away, everything."""
    last = [line[-1].mean for line in lines if line]
    lows = [band.low for line in lines for band in line]
    highs = [band.high for line in lines for band in line]
    if not last:
        return None
    low, high = min(lows), max(highs)
    typical = statistics.median(last)
    high = min(high, max(3 * typical, low + 1e-3)) if typical > 0 else high
    margin = 0.04 * (high - low) or 0.1
    return low - margin, high + margin
