"""Learning curves, drawn over tokens and over seconds."""

import itertools
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path

from seq2seq.pictures import COLORS, MARKERS, escape_math, import_pyplot, save_picture
from seq2seq.training.metrics_log import CurvePoint
from seq2seq.training.validation_metrics import VALIDATION_METRICS


def draw(curves: Mapping[str, Iterable[Iterable[CurvePoint]]], metric: str, path: Path) -> None:
    """Draw a line for each seed, in a style for each label that has one."""
    ends = [points[-1] for seeds in curves.values() for points in map(list, seeds) if points]
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
        xs = [getattr(end, axis) for end in ends]
        if max(xs, default=0) > 5 * min(xs, default=0):
            axes.set_xscale("log")
    highest = 3 * statistics.median([end.value for end in ends if end.value < float("inf")] or [0])
    if metric == "val_loss" and 0 < highest < panels[0].get_ylim()[1]:
        panels[0].set_ylim(top=highest)  # a bad curve must not squash the others
    panels[0].set_ylabel(VALIDATION_METRICS[metric].title + " a token" * (metric == "val_loss"))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=9)
    save_picture(figure, path)
