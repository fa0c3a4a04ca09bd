"""Curves of gradient norms as a picture."""

import math
from collections.abc import Sequence

from seq2seq.inspection.curve import Curve
from seq2seq.inspection.fading import SHARE
from seq2seq.storage import atomic_write

# of Okabe and Ito (2008), which colour-blind people can tell apart
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#7F6000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LOWEST, HIGHEST = 1e-6, 1e6  # of what is shown, relative to the first norm


def draw(curves: Sequence[Curve], path: str) -> None:
    """A panel for each layer, and one beside the other before and after training where there are both."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot
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
            axes.set_ylim(*limits(curves))
            axes.axhline(SHARE, color="gray", linewidth=0.8, linestyle=":")
            axes.text(steps, SHARE * 1.15, "1 %", color="gray", fontsize=8, ha="right", va="bottom")
            for curve in curves:
                if curve.trained != trained or layer >= len(curve.norms):
                    continue
                index = labels.index(curve.label)
                axes.plot(
                    range(1, curve.steps + 1),
                    relative(curve.norms[layer]),
                    color=COLOURS[index % len(COLOURS)],
                    linestyle="-" if trained else (0, (4, 1.5)),
                    linewidth=1.6,
                    marker=MARKERS[index % len(MARKERS)],
                    markersize=4,
                    # lines that lie on each other show their marks in turns
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
    keys = [
        Line2D([], [], color=COLOURS[i % len(COLOURS)], marker=MARKERS[i % len(MARKERS)], markersize=4, linewidth=1.6)
        for i in range(len(labels))
    ]
    names = [label.replace("$", r"\$") for label in labels]  # a dollar is a dollar
    if len(stages) == 2:
        keys += [Line2D([], [], color="gray", linestyle=style) for style in ((0, (4, 1.5)), "-")]
        names += ["before training", "after training"]
    figure.legend(keys, names, loc="outside right upper", frameon=False, fontsize=9, handlelength=2.8)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png")
    pyplot.close(figure)


def relative(norms: Sequence[float]) -> list[float]:
    """To the first one; what is 0 or no number has no place on a logarithmic axis."""
    first = norms[0]
    return [norm / first if 0.0 < first < math.inf and 0.0 < norm < math.inf else math.nan for norm in norms]


def limits(curves: Sequence[Curve]) -> tuple[float, float]:
    seen = [value for curve in curves for norms in curve.norms for value in relative(norms) if not math.isnan(value)]
    lowest, highest = min(seen, default=LOWEST), max(seen, default=1.0)
    return max(LOWEST, min(lowest / 2, SHARE / 10)), min(HIGHEST, max(2.0, highest * 2))
