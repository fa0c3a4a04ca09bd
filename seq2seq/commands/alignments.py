"""Attention weights of a translator, as text and as a picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seq2seq.pictures import import_pyplot, save_picture
from seq2seq.storage import atomic_write

if TYPE_CHECKING:
    from seq2seq.inference import Alignment, TranslationPipeline

SOURCES_PER_TARGET = 3  # source pieces written for each target piece
CELL_INCHES = 0.32  # size of one weight in the picture
MAX_SIDE_INCHES = 40.0  # size of the picture, however long the line
MAX_LABELS = 120  # labeled pieces on each axis


def write_alignments(
    pipeline: "TranslationPipeline",
    sources: Sequence[str],
    targets: Sequence[str],
    path: str,
    max_source_length: int,
) -> None:
    """Write each target piece of a line as `target TAB source:weight ...`, and an empty line after each line."""
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for source, target in zip(sources, targets, strict=True):
            alignment = pipeline.align(source, target, max_source_length)
            for piece, row in zip(alignment.target, alignment.weights, strict=True):
                best = row.topk(min(SOURCES_PER_TARGET, len(row)))
                attended = (
                    f"{printable(alignment.source[position])}:{weight:.2f}"
                    for weight, position in zip(best.values.tolist(), best.indices.tolist(), strict=True)
                )
                file.write(f"{printable(piece)}\t{' '.join(attended)}\n")
            file.write("\n")


def printable(piece: str) -> str:
    """Return a piece without spaces and with unprintable characters escaped."""
    text = piece.replace(" ", "\u2581")
    return text if text.isprintable() else "".join(c if c.isprintable() else escape(c) for c in text)


def escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def draw_alignment(alignment: "Alignment", path: str) -> None:
    """Draw the weights as a PNG heat map, source from left to right and target from top to bottom."""
    longest = max(len(alignment.source), len(alignment.target))
    cell = min(CELL_INCHES, MAX_SIDE_INCHES / longest)
    step = 1 + longest // MAX_LABELS
    figure = import_pyplot().figure(figsize=(cell * len(alignment.source), cell * len(alignment.target)), dpi=150)
    axes = figure.add_axes((0, 0, 1, 1))  # the labels are outside; bbox_inches="tight" makes room for them
    axes.imshow(alignment.weights.numpy(), cmap="Blues", vmin=0, vmax=1)
    for axis, pieces in ((axes.xaxis, alignment.source), (axes.yaxis, alignment.target)):
        labels = [printable(piece) for piece in pieces[::step]]
        axis.set_ticks(range(0, len(pieces), step), labels, fontsize=9, parse_math=False)  # no TeX between dollars
        if step == 1:
            axis.set_ticks([position - 0.5 for position in range(1, len(pieces))], minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(axis="x", rotation=90)
    axes.xaxis.tick_top()
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_color("lightgray")
    save_picture(figure, path, bbox_inches="tight", pad_inches=0.1)
