"""Plot growth: measured points and fitted lines on logarithmic axes."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.figure import Growth
from benchmarks.slopes import fit_line
from seq2seq.storage import atomic_write

# a color-blind safe palette (Okabe and Ito, 2008)
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
MARKERS = ("o", "s", "^", "D")
UNITS = {"s": "seconds", "MiB": "MiB"}


def draw(growths: Sequence[Growth], path: Path) -> None:
    """Plot all growths with one variable; times in one panel, memory in another."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot
    from matplotlib.ticker import LogLocator, NullLocator

    units = list(dict.fromkeys(growth.unit for growth in growths))
    size = (5.6 * len(units) + 0.4, 4.2)
    figure, panels = pyplot.subplots(1, len(units), squeeze=False, figsize=size, dpi=150, layout="constrained")
    for axes, unit in zip(panels[0], units, strict=True):
        panel_growths = [growth for growth in growths if growth.unit == unit]
        for growth, color, marker in zip(panel_growths, COLORS, MARKERS, strict=False):
            xs, ys = zip(*growth.points, strict=True)
            line = fit_line(growth.points)
            axes.plot(xs, ys, marker, color=color, markersize=6)
            label = f"{growth.name.removeprefix('time of ')}: slope {line.slope:z.2f}"
            axes.plot(
                xs, [line.at(x) for x in xs], color=color, linewidth=1.2, marker=marker, markevery=[], label=label
            )
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        xticks = sorted({x for growth in panel_growths for x, _ in growth.points})
        axes.set_xticks(xticks, [f"{x:,g}" for x in xticks])
        all_ys = [y for growth in panel_growths for _, y in growth.points]
        axes.set_ylim(min(all_ys) / 3, max(all_ys) * 5)  # space for the legend, and flat lines look flat
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter("{x:,g}")
        axes.set_xlabel(growths[0].variable)
        axes.set_ylabel(UNITS[unit])
        axes.grid(which="major", color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=9)
    with atomic_write(path) as file:
        figure.savefig(file, format="png")
    pyplot.close(figure)
