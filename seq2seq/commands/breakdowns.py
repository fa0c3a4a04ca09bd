"""Tables and pictures of scores by parts of a test set."""

from seq2seq.metrics.breakdown import Breakdown


def format_breakdown(breakdown: Breakdown) -> str:
    """Return a table: the parts, how many lines or words each has, and its scores."""
    width = max(map(len, [breakdown.part, *breakdown.rows]))
    lines = [f"{breakdown.part:>{width}}" + "".join(f"{column:>11}" for column in breakdown.columns)]
    for part, (count, *values) in breakdown.rows.items():
        lines.append(f"{part:>{width}}{count:>11,.0f}" + "".join(f"{value:>11.2f}" for value in values))
    return "\n".join([breakdown.title, *lines])


def draw_breakdown(breakdown: Breakdown, path: str) -> None:
    """Draw a panel of bars for each score of a breakdown, and one for the size of the parts, into a PNG file."""
    from seq2seq.pictures import COLORS, import_pyplot, save_picture

    parts = list(breakdown.rows)
    columns = len(breakdown.columns)
    figure, panels = import_pyplot().subplots(
        1, columns, squeeze=False, sharey=True, figsize=(1.5 + 2.1 * columns, 1.2 + 0.36 * len(parts)), dpi=150,
        layout="constrained",
    )  # fmt: skip
    for index, (axes, column) in enumerate(zip(panels[0], breakdown.columns, strict=True)):
        values = [row[index] for row in breakdown.rows.values()]
        bars = axes.barh(parts, values, color=COLORS[0] if index else "0.6")
        axes.bar_label(bars, [f"{value:,.1f}" if index else f"{value:,.0f}" for value in values], padding=2, fontsize=8)
        axes.set_title(column, fontsize=10)
        axes.margins(x=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0][0].invert_yaxis()
    panels[0][0].set_ylabel(breakdown.part, fontsize=10)
    figure.suptitle(breakdown.title, fontsize=10)
    save_picture(figure, path)
