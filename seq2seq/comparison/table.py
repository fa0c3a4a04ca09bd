"""The table of a comparison: for a terminal and for Markdown."""

import math
from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from seq2seq.comparison.measures import POSITIONS
from seq2seq.comparison.results import Result
from seq2seq.comparison.verdict import DIGITS, Score, number


def headings(metric: str, seeds: int) -> list[str]:
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


def cells(result: Result, metric: str) -> list[str]:
    """A row: what could not be measured is a dash, and what went wrong stands beside the score."""
    speeds = [count(one.tokens_per_second) for one in result.generation]
    sizes = [memory(one.state_bytes) for one in result.generation]
    missing = ["–"] * (len(POSITIONS) - len(speeds))
    steps = result.variant.steps
    return [
        named(result),
        f"{result.variant.parameters:,}",
        "; ".join([*scored(result, metric), *result.troubles]),
        count(result.tokens_per_second),
        *speeds,
        *missing,
        *sizes,
        *missing,
        memory(result.peak_memory),
        clock(result.seconds),
        "–" if steps is None else f"{steps:,}",
    ]


def named(result: Result) -> str:
    """The whole block, behind the entry if it does not begin with this."""
    entry, block = result.variant.entry, result.variant.block
    return block if block.startswith(f"{entry},") else f"{entry}: {block}"


def scored(result: Result, metric: str) -> list[str]:
    """The mean and the spread, if any trial finished."""
    score = Score(result.variant.entry, result.mean, result.spread)
    return [] if math.isnan(result.mean) else [number(score, DIGITS[metric])]


def terminal(results: Sequence[Result], metric: str, seeds: int) -> Table:
    """For rich, narrower: what belongs to the two positions stands in one cell, one below the other."""
    near, far = (f"{position:,}" for position in POSITIONS)
    names = headings(metric, seeds)
    writing, state = f"writing, tokens/s at {near} and {far}", f"state at {near} and {far}"
    table = Table(show_lines=True)
    for place, heading in enumerate([*names[:4], writing, state, *names[8:10]]):
        table.add_column(heading, justify="left" if place == 0 else "right", min_width=18 if place == 0 else 8)
    for result in results:
        row = [escape(cell) for cell in cells(result, metric)]
        table.add_row(*row[:4], "\n".join(row[4:6]), "\n".join(row[6:8]), *row[8:10])
    return table


def markdown(results: Sequence[Result], metric: str, seeds: int) -> str:
    """For people who read it later."""
    names = headings(metric, seeds)
    lines = [names, ["---"] + ["--:"] * (len(names) - 1), *(cells(result, metric) for result in results)]
    return "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)


def count(number: float) -> str:
    return f"{number:,.0f}" if math.isfinite(number) else "–"


def memory(size: float) -> str:
    """Bytes in the unit in which they are at least one."""
    if not math.isfinite(size):
        return "–"
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.2f} GiB"


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    if not math.isfinite(seconds):
        return "–"
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds) // 60}:{int(seconds) % 60:02d} min"
