"""Drawing with matplotlib into PNG files, without a display."""

import os
import warnings
from typing import TYPE_CHECKING, Any

from seq2seq.storage import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# a color-blind safe palette (Okabe and Ito, 2008), and markers that distinguish lines of the same color
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#7F6000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def import_pyplot() -> Any:
    """Return matplotlib.pyplot, which draws without a display; it takes a second to import."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    return pyplot


def escape_math(text: str) -> str:
    """Escape dollar signs, between which matplotlib reads mathematics."""
    return text.replace("$", r"\$")


def save_picture(figure: "Figure", path: str | os.PathLike[str], **options: Any) -> None:
    """Write a figure as a PNG file atomically, and close it.

    Args:
        figure: The figure.
        path: File to write.
        options: Options of `Figure.savefig`.
    """
    with atomic_write(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # missing in the font and drawn as boxes
        figure.savefig(temporary, format="png", **options)
    import_pyplot().close(figure)
