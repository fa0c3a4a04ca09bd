"""The table of a comparison, for the terminal and in Markdown."""

import math
from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from seq2seq.comparison.measures import POSITIONS
from seq2seq.comparison.results import Result
from seq2seq.comparison.verdict import DECIMALS, Score, format_mean_spread


def column_headings(metric: str, seeds: int) -> list[str]:
    score = "validation BLEU" if metric == "val_bleu" else "validation loss, nats"
    near, far = (f"{position:,}" for position in POSITIONS)
    return [
        "layer and its block",
        "parameters",
        score if seeds == 1 else f"{score}, mean ± spread of {seeds} seeds",
        "training, tokens/s",
        f"writing at {near}, tokens/s",
        f"at {far}, tokens/s",
        f"state at {near}",
        f"at {far}",
        "peak memory",
        "training time",
        "steps",
    ]


def row_cells(result: Result, metric: str) -> list[str]:
    """Return the cells of a row: a dash for what was not measured, and problems after the score."""
    speeds = [format_count(cost.tokens_per_second) for cost in result.generation]
    sizes = [format_bytes(cost.state_bytes) for cost in result.generation]
    missing = ["–"] * (len(POSITIONS) - len(speeds))
    steps = result.variant.steps
    return [
        row_name(result),
        f"{result.variant.parameters:,}",
        "; ".join([*score_cell(result, metric), *result.problems]),
        format_count(result.tokens_per_second),
        *speeds,
        *missing,
        *sizes,
        *missing,
        format_bytes(result.peak_memory),
        format_duration(result.seconds),
        "–" if steps is None else f"{steps:,}",
    ]


def row_name(result: Result) -> str:
    """Return the description of the block, preceded by the entry if it does not begin with it."""
    entry, block = result.variant.entry, result.variant.block
    return block if block.startswith(f"{entry},") else f"{entry}: {block}"


def score_cell(result: Result, metric: str) -> list[str]:
    """Return the mean and the spread, if any trial finished."""
    score = Score(result.variant.entry, result.mean, result.spread)
    return [] if math.isnan(result.mean) else [format_mean_spread(score, DECIMALS[metric])]


def terminal_table(results: Sequence[Result], metric: str, seeds: int) -> Table:
    """Return a narrower table for rich, with both positions in one cell."""
    near, far = (f"{position:,}" for position in POSITIONS)
    columns = column_headings(metric, seeds)
    writing, state = f"writing, tokens/s at {near} and {far}", f"state at {near} and {far}"
    table = Table(show_lines=True)
    for index, heading in enumerate([*columns[:4], writing, state, *columns[8:10]]):
        table.add_column(heading, justify="left" if index == 0 else "right", min_width=18 if index == 0 else 8)
    for result in results:
        row = [escape(cell) for cell in row_cells(result, metric)]
        table.add_row(*row[:4], "\n".join(row[4:6]), "\n".join(row[6:8]), *row[8:10])
    return table


def markdown_table(results: Sequence[Result], metric: str, seeds: int) -> str:
    """Return the table in Markdown."""
    columns = column_headings(metric, seeds)
    lines = [columns, ["---"] + ["--:"] * (len(columns) - 1), *(row_cells(result, metric) for result in results)]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


def format_count(value: float) -> str:
    return f"{value:,.0f}" if math.isfinite(value) else "–"


def format_bytes(size: float) -> str:
    """Format bytes with the largest unit in which they are at least 1."""
    if not math.isfinite(size):
        return "–"
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.2f} GiB"


def format_duration(seconds: float) -> str:
    """Format a duration as minutes and seconds."""
    if not math.isfinite(seconds):
        return "–"
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"
