"""What grows, as points and lines between logarithms."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.figure import Growth
from benchmarks.slopes import fitted
from seq2seq.storage import atomic_write

# of Okabe and Ito (2008), which colour-blind people can tell apart
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
MARKERS = ("o", "s", "^", "D")
UNITS = {"s": "seconds", "MiB": "MiB"}


def draw(growths: Sequence[Growth], path: Path) -> None:
    """All that grows with one thing; times in one panel, memory in another."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot
    from matplotlib.ticker import LogLocator, NullLocator

    units = list(dict.fromkeys(growth.unit for growth in growths))
    size = (5.6 * len(units) + 0.4, 4.2)
    figure, panels = pyplot.subplots(1, len(units), squeeze=False, figsize=size, dpi=150, layout="constrained")
    for axes, unit in zip(panels[0], units, strict=True):
        drawn = [growth for growth in growths if growth.unit == unit]
        for growth, colour, marker in zip(drawn, COLOURS, MARKERS, strict=False):
            xs, ys = zip(*growth.points, strict=True)
            line = fitted(growth.points)
            axes.plot(xs, ys, marker, color=colour, markersize=6)
            label = f"{growth.what.removeprefix('time of ')}: slope {line.slope:z.2f}"
            axes.plot(
                xs, [line.at(x) for x in xs], color=colour, linewidth=1.2, marker=marker, markevery=[], label=label
            )
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        places = sorted({x for growth in drawn for x, _ in growth.points})
        axes.set_xticks(places, [f"{x:,g}" for x in places])
        heights = [y for growth in drawn for _, y in growth.points]
        axes.set_ylim(min(heights) / 3, max(heights) * 5)  # room for the legend, and what is flat looks flat
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter("{x:,g}")
        axes.set_xlabel(growths[0].along)
        axes.set_ylabel(UNITS[unit])
        axes.grid(which="major", color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=9)
    with atomic_write(path) as file:
        figure.savefig(file, format="png")
    pyplot.close(figure)
