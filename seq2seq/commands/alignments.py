"""Where a translator looked, as text and as a picture."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seq2seq.storage import atomic_write

if TYPE_CHECKING:
    from seq2seq.inference import Alignment, TranslationPipeline

MOST = 3  # source pieces that are named for each target piece
SQUARE = 0.32  # inches of a weight in the picture
LARGEST = 40.0  # inches of a side of the picture, as long as the line may be
NAMED = 120  # pieces of a side that have their names beside them


def write_alignments(
    translation: "TranslationPipeline",
    sources: Sequence[str],
    targets: Sequence[str],
    path: str,
    max_source_length: int,
) -> None:
    """Write a block for each line: `target piece TAB source piece:weight ...`, likeliest first, and an empty line."""
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for source, target in zip(sources, targets, strict=True):
            alignment = translation.align(source, target, max_source_length)
            for piece, row in zip(alignment.target, alignment.weights, strict=True):
                best = row.topk(min(MOST, len(row)))
                looked = (
                    f"{shown(alignment.source[place])}:{weight:.2f}"
                    for weight, place in zip(best.values.tolist(), best.indices.tolist(), strict=True)
                )
                file.write(f"{shown(piece)}\t{' '.join(looked)}\n")
            file.write("\n")


def shown(piece: str) -> str:
    """A piece on one line and without a space in it."""
    text = piece.replace(" ", "\u2581")
    return text if text.isprintable() else "".join(c if c.isprintable() else escaped(c) for c in text)


def escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def draw_alignment(alignment: "Alignment", path: str) -> None:
    """The weights as squares, source from left to right and target from top to bottom."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    longest = max(len(alignment.source), len(alignment.target))
    square = min(SQUARE, LARGEST / longest)
    step = 1 + longest // NAMED
    figure = pyplot.figure(figsize=(square * len(alignment.source), square * len(alignment.target)), dpi=150)
    axes = figure.add_axes((0, 0, 1, 1))  # the names stand outside, and the picture is made as large as they need
    axes.imshow(alignment.weights.numpy(), cmap="Blues", vmin=0, vmax=1)
    for axis, pieces in ((axes.xaxis, alignment.source), (axes.yaxis, alignment.target)):
        names = [shown(piece) for piece in pieces[::step]]
        axis.set_ticks(range(0, len(pieces), step), names, fontsize=9, parse_math=False)  # a dollar is a dollar
        if step == 1:
            axis.set_ticks([place - 0.5 for place in range(1, len(pieces))], minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(axis="x", rotation=90)
    axes.xaxis.tick_top()
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_color("lightgray")
    with atomic_write(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a font lacks some script, whose letters become boxes
        figure.savefig(temporary, format="png", bbox_inches="tight", pad_inches=0.1)
    pyplot.close(figure)
