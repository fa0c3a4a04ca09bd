"""The report of a comparison: its verdict and table, and the files results.json, table.md and loss.png."""

import math
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.markup import escape
from rich.table import Table

from seq2seq.comparison.curves import draw
from seq2seq.comparison.generation import POSITIONS
from seq2seq.comparison.plan import Plan
from seq2seq.comparison.results import Result, Score
from seq2seq.storage import atomic_write, json_value, write_json

ONE_SEED_NOTE = "with one seed, differences cannot be told from noise"
DECIMALS = {"val_loss": 4, "val_bleu": 2}  # shown of a score
UNITS = {"val_loss": "nats", "val_bleu": "BLEU"}
METHOD_NOTE = (
    "Spread is the sample standard deviation over seeds; a gap between two means that is no larger than the larger of "
    "their spreads counts as none. Training time is that of training without validation, the mean over seeds. Writing "
    "is of one text, token by token, in float32. Peak memory is that of tensors on a GPU, and of the whole process on "
    "a CPU."
)


def differs_significantly(one: Score, other: Score) -> bool | None:
    """Return whether two means differ by more than the larger of their spreads; None if no spread is known."""
    spreads = [score.spread for score in (one, other) if score.spread is not None]
    return abs(one.mean - other.mean) > max(spreads) if spreads else None


def verdict(scores: Sequence[Score], metric: str) -> str:
    """Summarize a comparison in sentences; the scores are best first, and those that are not finite last."""
    sentences = []
    if finished := [score for score in scores if math.isfinite(score.mean)]:
        best, *others = finished
        tied, behind, undecided = (
            [other for other in others if differs_significantly(best, other) is answer]
            for answer in (False, True, None)
        )
        no_spread = bool(undecided) or (not others and best.spread is None)
        title = "Best" if not no_spread else "Highest" if metric == "val_bleu" else "Lowest"
        sentences.append(f"{title}: {best.name}, {format_score(best, metric)} {UNITS[metric]}.")
        for other in tied:
            gap = f"{abs(other.mean - best.mean):.{DECIMALS[metric]}f}"
            sentences.append(
                f"{named_scores([other], metric)} is no different: the gap, {gap}, is within the spread over seeds."
            )
        if behind:
            sentences.append(f"Behind: {named_scores(behind, metric)}.")
        if undecided:
            sentences.append(f"Then: {named_scores(undecided, metric)}; {ONE_SEED_NOTE}.")
        elif no_spread:
            sentences.append(f"{ONE_SEED_NOTE.capitalize()}.")
    if unfinished := [score.name for score in scores if not math.isfinite(score.mean)]:
        sentences.append(f"Without a result: {', '.join(unfinished)}.")
    return " ".join(sentences)


def named_scores(scores: Sequence[Score], metric: str) -> str:
    return ", ".join(f"{score.name} ({format_score(score, metric)})" for score in scores)


def format_score(score: Score, metric: str) -> str:
    """Format the mean, and the spread if there is one."""
    decimals = DECIMALS[metric]
    return f"{score.mean:.{decimals}f}" + ("" if score.spread is None else f" ± {score.spread:.{decimals}f}")


def verdict_text(results: Sequence[Result], metric: str) -> str:
    """Return the verdict, followed by the trials that did not finish."""
    problems = [f"{result.variant.entry}, {problem}" for result in results for problem in result.problems]
    unfinished = f" Not finished: {'; '.join(problems)}." if problems else ""
    return verdict([result.score for result in results], metric) + unfinished


def table_rows(results: Sequence[Result], metric: str, seeds: int) -> list[list[str]]:
    """Return the headings and a row for each result: a dash for what was not measured, and problems after the score."""
    score = "validation BLEU" if metric == "val_bleu" else "validation loss, nats"
    near, far = (f"{position:,}" for position in POSITIONS)
    headings = [
        "layer and its block",
        "parameters",
        score if seeds == 1 else f"{score}, mean ± spread of {seeds} seeds",
    ]
    headings += ["training, tokens/s", f"generation at {near}, tokens/s", f"at {far}, tokens/s"]
    headings += [f"state at {near}", f"at {far}", "peak memory", "training time", "steps"]
    return [headings, *(table_row(result, metric) for result in results)]


def table_row(result: Result, metric: str) -> list[str]:
    variant = result.variant
    missing = ["–"] * (len(POSITIONS) - len(result.generation))
    return [
        variant.block if variant.block.startswith(f"{variant.entry},") else f"{variant.entry}: {variant.block}",
        f"{variant.parameters:,}",
        "; ".join([format_score(result.score, metric)] * bool(result.finished) + result.problems),
        format_count(result.tokens_per_second),
        *[format_count(cost.tokens_per_second) for cost in result.generation],
        *missing,
        *[format_bytes(cost.state_bytes) for cost in result.generation],
        *missing,
        format_bytes(result.peak_memory),
        format_duration(result.seconds),
        "–" if variant.steps is None else f"{variant.steps:,}",
    ]


def terminal_table(results: Sequence[Result], metric: str, seeds: int) -> Table:
    """Return a narrower table for rich, with both positions in one cell."""
    headings, *rows = [
        [*row[:4], f"{row[4]}\n{row[5]}", f"{row[6]}\n{row[7]}", *row[8:10]]
        for row in table_rows(results, metric, seeds)
    ]
    table = Table(show_lines=True)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index else "left", min_width=8 if index else 18)
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def markdown_table(results: Sequence[Result], metric: str, seeds: int) -> str:
    """Return the table in Markdown."""
    headings, *rows = table_rows(results, metric, seeds)
    lines = [headings, ["---"] + ["--:"] * (len(headings) - 1), *rows]
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


def describe_machine(device: str) -> dict[str, Any]:
    """Describe the machine; a GPU is included only if it was used for training."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processor": platform.machine(),
        "gpu": torch.cuda.get_device_name() if device != "cpu" and torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "seq2seq": version("seq2seq"),
        "python": platform.python_version(),
    }


def write_report(results: Sequence[Result], plan: Plan, folder: Path, command: str) -> None:
    """Write results.json, table.md and loss.png."""
    machine, verdict_line = describe_machine(plan.device), verdict_text(results, plan.metric)
    total = sum(trial.seconds for result in results for trial in result.trials if trial.seconds == trial.seconds)
    better = "highest" if plan.metric == "val_bleu" else "lowest"
    content = {
        "command": command,
        "metric": f"{plan.metric}, the {better} of all validations of a run",
        "verdict": verdict_line,
        "machine": machine,
        "training_seconds": total,
        "settings": plan.settings,
        "results": [
            {
                **result.variant._asdict(),
                "mean": result.score.mean,
                "spread": result.score.spread,
                "tokens_per_second": result.tokens_per_second,
                "seconds": result.seconds,
                "peak_memory": result.peak_memory,
                "generation": result.generation,
                "note": result.note,
                "seeds": result.trials,
            }
            for result in results
        ],
    }
    write_json(folder / "results.json", json_value(content))
    draw(
        {curve_label(result): [t.curve for t in result.trials] for result in results}, plan.metric, folder / "loss.png"
    )
    gpu = f"{machine['gpu']}, " if machine["gpu"] else ""
    document = (
        f"# {len(plan.variants)} layers compared\n\n"
        f"```sh\n{command}\n```\n\n"
        f"{markdown_table(results, plan.metric, plan.settings.seeds)}\n"
        f"{verdict_line}\n\n"
        f"The score is the {better} of all validations of a run. {METHOD_NOTE}\n\n"
        f"![{plan.metric} over tokens and seconds](loss.png)\n\n"
        f"{gpu}cores: {machine['cores']}, threads: {machine['threads']}, {machine['processor']}; "
        f"torch {machine['torch']}, seq2seq {machine['seq2seq']}; all trainings together {format_duration(total)}.\n"
    )
    with atomic_write(folder / "table.md") as temporary:
        temporary.write_text(document, encoding="utf-8")


def curve_label(result: Result) -> str:
    unfinished = len(result.trials) - len(result.finished)
    text = result.variant.entry + (f" ({unfinished} of {len(result.trials)} did not finish)" if unfinished else "")
    return text.replace(",", ",\n")
