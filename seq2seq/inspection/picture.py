"""Plot gradient norms through time."""

import math
from collections.abc import Sequence

from seq2seq.inspection.curve import HORIZON_SHARE, Curve
from seq2seq.pictures import COLORS, MARKERS, escape_math, import_pyplot, save_picture

MIN_SHOWN, MAX_SHOWN = 1e-6, 1e6  # limits of the axis, relative to the first norm


def draw(curves: Sequence[Curve], path: str) -> None:
    """Draw a panel per layer, with panels before and after training side by side if there are both."""
    pyplot = import_pyplot()
    from matplotlib.lines import Line2D

    labels = list(dict.fromkeys(curve.label for curve in curves))
    stages = sorted({curve.trained for curve in curves})
    layers = max(len(curve.norms) for curve in curves)
    steps = max(curve.steps for curve in curves)
    units = {curve.unit for curve in curves}
    figure, panels = pyplot.subplots(
        layers,
        len(stages),
        sharex=True,
        sharey=True,
        squeeze=False,
        figsize=(5.2 * len(stages) + 1.5, 3.8 * layers + 0.9),
        dpi=150,
        layout="constrained",
    )
    for layer in range(layers):
        for column, trained in enumerate(stages):
            axes = panels[layer][column]
            axes.set_yscale("log")
            axes.set_ylim(*y_limits(curves))
            axes.axhline(HORIZON_SHARE, color="gray", linewidth=0.8, linestyle=":")
            axes.text(steps, HORIZON_SHARE * 1.15, "1 %", color="gray", fontsize=8, ha="right", va="bottom")
            for curve in curves:
                if curve.trained != trained or layer >= len(curve.norms):
                    continue
                index = labels.index(curve.label)
                axes.plot(
                    range(1, curve.steps + 1),
                    relative_norms(curve.norms[layer]),
                    color=COLORS[index % len(COLORS)],
                    linestyle="-" if trained else (0, (4, 1.5)),
                    linewidth=1.6,
                    marker=MARKERS[index % len(MARKERS)],
                    markersize=4,
                    # markers are offset so that coinciding lines stay visible
                    markevery=(round(index * steps / (10 * len(labels))), max(1, steps // 10)),
                )
            heading = "after training" if trained else "before training"
            axes.set_title(heading + (f", layer {layer + 1} of {layers}" if layers > 1 else ""), fontsize=10)
            axes.set_xlim(0, steps)
            axes.grid(color="0.92")
            axes.spines[["top", "right"]].set_visible(False)
    unit = units.pop() if len(units) == 1 else "tokens"
    figure.supxlabel(f"k: {unit} back", fontsize=10)
    figure.supylabel("norm of d loss(t) / d state(t − k), relative to k = 1", fontsize=10)
    figure.suptitle("How far back the gradient reaches", fontsize=13)
    handles = [
        Line2D([], [], color=COLORS[i % len(COLORS)], marker=MARKERS[i % len(MARKERS)], markersize=4, linewidth=1.6)
        for i in range(len(labels))
    ]
    names = [escape_math(label) for label in labels]
    if len(stages) == 2:
        handles += [Line2D([], [], color="gray", linestyle=style) for style in ((0, (4, 1.5)), "-")]
        names += ["before training", "after training"]
    figure.legend(handles, names, loc="outside right upper", frameon=False, fontsize=9, handlelength=2.8)
    save_picture(figure, path)


def relative_norms(norms: Sequence[float]) -> list[float]:
    """Divide norms by the first one; what a logarithmic axis cannot show becomes NaN."""
    first = norms[0]
    return [norm / first if 0.0 < first < math.inf and 0.0 < norm < math.inf else math.nan for norm in norms]


def y_limits(curves: Sequence[Curve]) -> tuple[float, float]:
    values = [
        value for curve in curves for norms in curve.norms for value in relative_norms(norms) if not math.isnan(value)
    ]
    lowest, highest = min(values, default=MIN_SHOWN), max(values, default=1.0)
    return max(MIN_SHOWN, min(lowest / 2, HORIZON_SHARE / 10)), min(MAX_SHOWN, max(2.0, highest * 2))
