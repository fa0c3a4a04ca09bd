"""The report of a comparison: its verdict and table, and the files results.json, table.md and loss.png."""

import math
import os
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich import filesize

from seq2seq.comparison.compare import Result
from seq2seq.comparison.curves import draw
from seq2seq.comparison.generation import POSITIONS
from seq2seq.comparison.plan import Plan
from seq2seq.storage import json_value, write_json, write_text
from seq2seq.training.progress import format_minutes
from seq2seq.training.validation_metrics import VALIDATION_METRICS

# of a layer to the best one, by whether they differ significantly
RELATIONS = {False: "No different, since the gap is within the spread over seeds", True: "Behind", None: "Then"}


def differs_significantly(one: Result, other: Result) -> bool | None:
    """Return whether two means differ by more than the larger of their spreads; None if no spread is known."""
    spreads = [result.spread for result in (one, other) if result.spread is not None]
    return abs(one.mean - other.mean) > max(spreads) if spreads else None


def verdict(results: Sequence[Result], metric: str) -> str:
    """Summarize a comparison in sentences; the results are best first, and those without a finished trial last."""
    best, finished = results[0], [result for result in results if math.isfinite(result.mean)]
    has_spread = all(differs_significantly(best, other) is not None for other in finished[1:] or finished)
    kind = VALIDATION_METRICS[metric]
    first = "Highest" if kind.higher_is_better else "Lowest"
    sentences: dict[str, list[str]] = {}
    for result in results:
        name, score = result.variant.entry, format_score(result, metric)
        if result not in finished:
            sentences.setdefault("Without a result", []).append(name)
        elif result is best:
            sentences["Best" if has_spread else first] = [f"{name}, {score} {kind.unit}"]
        else:
            differs = differs_significantly(best, result)
            gap = f", gap {abs(result.mean - best.mean):.{kind.decimals}f}" if differs is False else ""
            sentences.setdefault(RELATIONS[differs], []).append(f"{name} ({score}{gap})")
    if unfinished := [f"{result.variant.entry}, {problem}" for result in results for problem in problems(result)]:
        sentences["Not finished"] = unfinished
    note = "" if has_spread else " With one seed, differences cannot be told from noise."
    return " ".join(f"{beginning}: {'; '.join(items)}." for beginning, items in sentences.items()) + note


def problems(result: Result) -> list[str]:
    return [f"seed {trial.seed} {trial.outcome}" for trial in result.trials if trial.outcome.status != "finished"]


def format_score(result: Result, metric: str) -> str:
    """Format the mean, and the spread if there is one."""
    decimals = VALIDATION_METRICS[metric].decimals
    spread = "" if result.spread is None else f" ± {result.spread:.{decimals}f}"
    return f"{result.mean:.{decimals}f}{spread}"


def table_rows(results: Sequence[Result], metric: str, seeds: int) -> list[list[str]]:
    """Return the headings and a row for each result: a dash for what was not measured, and problems after the score."""
    score = VALIDATION_METRICS[metric].title
    score += "" if seeds == 1 else f", mean ± spread of {seeds} seeds"
    positions = " / ".join(f"{position:,}" for position in POSITIONS)
    rows = [["layer and its block", "parameters", score, "training, tokens/s"]]
    rows[0] += [f"generation at {positions}, tokens/s", f"state at {positions}"]
    rows[0] += ["peak memory", "training time, min", "steps"]
    for result in results:
        entry, block, _, parameters, _, steps = result.variant
        row = [
            block if block.startswith(f"{entry},") else f"{entry}: {block}",
            f"{parameters:,}",
            "; ".join([format_score(result, metric)] * math.isfinite(result.mean) + problems(result)),
            cell("{:,.0f}".format, result.tokens_per_second),
            cell("{:,.0f}".format, *(cost.tokens_per_second for cost in result.generation)),
            cell(filesize.decimal, *(cost.state_bytes for cost in result.generation)),
            cell(filesize.decimal, result.peak_memory),
            cell(format_minutes, result.seconds),
            "–" if steps is None else f"{steps:,}",
        ]
        rows.append(row)
    return rows


def cell(formatted: Callable[[Any], str], *values: float) -> str:
    """Format values for a cell of the table; a dash for none, and for one that is not finite."""
    return " / ".join(formatted(value) if math.isfinite(value) else "–" for value in values) or "–"


def write_report(results: Sequence[Result], plan: Plan, folder: Path, command: str) -> None:
    """Write results.json, table.md and loss.png."""
    uses_gpu = plan.settings.config["trainer"]["accelerator"] != "cpu" and torch.cuda.is_available()
    machine = {
        "gpu": torch.cuda.get_device_name() if uses_gpu else None,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        **{name: version(name) for name in ("torch", "seq2seq")},
    }
    total = sum(trial.seconds for result in results for trial in result.trials if math.isfinite(trial.seconds))
    better = "highest" if VALIDATION_METRICS[plan.metric].higher_is_better else "lowest"
    content = {
        "command": command,
        "metric": f"{plan.metric}, the {better} of all validations of a run",
        "verdict": verdict(results, plan.metric),
        "machine": machine,
        "training_seconds": total,
        "settings": plan.settings,
        "results": [
            {"slug": r.variant.slug} | r.variant._asdict() | {"seeds": r.trials} | dict([*r._asdict().items()][2:])
            for r in results
        ],
    }
    write_json(folder / "results.json", json_value(content))
    curves = {}
    for result in results:
        note = f" ({len(problems(result))} of {len(result.trials)} did not finish)" if problems(result) else ""
        curves[result.variant.entry + note] = [t.curve for t in result.trials if t.outcome.status == "finished"]
    draw(curves, plan.metric, folder / "loss.png")
    headings, *rows = table_rows(results, plan.metric, plan.settings.seeds)
    lines = [headings, ["---"] + ["--:"] * (len(headings) - 1), *rows]
    table = "".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines)
    document = f"""# {len(results)} layers compared

```sh
{command}
```

{table}
{content["verdict"]}

The score is the {better} of all validations of a run. Spread is the sample standard deviation over seeds; a gap between
two means that is no larger than the larger of their spreads counts as none. Training time is that of training without
validation, the mean over seeds. Generation is of one text, token by token, in float32. Peak memory is that of tensors
on a GPU, and of the whole process on a CPU.

![{plan.metric} over tokens and seconds](loss.png)

{", ".join(f"{name}: {value}" for name, value in machine.items() if value)}; all trainings together: {total:.0f} s.
"""
    write_text(folder / "table.md", document)
