"""Where a translator looked, as text and as a picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seq2seq.files import whole

if TYPE_CHECKING:
    from seq2seq.inference import Alignment, Translation

MOST = 3  # source pieces that are named for each target piece


def write_alignments(translation: "Translation", sources: Sequence[str], targets: Sequence[str], path: str) -> None:
    """A block for each line: `target piece TAB source piece:weight ...`, likeliest first; an empty line after each."""
    with whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for source, target in zip(sources, targets, strict=True):
            alignment = translation.align(source, target)
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
    return piece.replace(" ", "▁").replace("\t", "⇥").replace("\n", "⏎")


def draw_alignment(alignment: "Alignment", path: str) -> None:
    """The weights as squares, source from left to right and target from top to bottom."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    width, height = (1.5 + 0.42 * len(side) for side in (alignment.source, alignment.target))
    figure, axes = pyplot.subplots(figsize=(width, height), dpi=120)
    axes.imshow(alignment.weights.numpy(), cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(alignment.source)), [shown(piece) for piece in alignment.source], rotation=90)
    axes.set_yticks(range(len(alignment.target)), [shown(piece) for piece in alignment.target])
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    with whole(path) as temporary:
        figure.savefig(temporary, format="png", bbox_inches="tight")
    pyplot.close(figure)
