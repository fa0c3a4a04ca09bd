"""Write the report of a comparison: results.json, table.md and loss.png."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from seq2seq.comparison.picture import draw
from seq2seq.comparison.plan import Plan
from seq2seq.comparison.results import Result
from seq2seq.comparison.table import format_duration, markdown_table
from seq2seq.comparison.verdict import Score, verdict
from seq2seq.storage import atomic_write, json_value, write_json

METHOD_NOTE = (
    "Spread is the sample standard deviation over seeds; a gap between two means that is no larger than the larger of "
    "their spreads counts as none. Training time is that of training without validation, the mean over seeds. Writing "
    "is of one text, token by token, in float32. Peak memory is that of tensors on a GPU, and of the whole process on "
    "a CPU."
)


def verdict_text(results: Sequence[Result], plan: Plan) -> str:
    """Return the verdict, followed by the trials that did not finish."""
    scores = [Score(result.variant.entry, result.mean, result.spread) for result in results]
    problems = [f"{result.variant.entry}, {problem}" for result in results for problem in result.problems]
    unfinished = f" Not finished: {'; '.join(problems)}." if problems else ""
    return verdict(scores, plan.metric) + unfinished


def describe_machine(on_cpu: bool) -> dict[str, Any]:
    """Describe the machine; a GPU is included only if it was used for training."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processor": platform.machine(),
        "gpu": None if on_cpu or not torch.cuda.is_available() else torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "seq2seq": version("seq2seq"),
        "python": platform.python_version(),
    }


def write_report(results: Sequence[Result], plan: Plan, folder: Path, command: str) -> None:
    """Write all three files."""
    machine, verdict_line = describe_machine(plan.on_cpu), verdict_text(results, plan)
    total = sum(trial.seconds for result in results for trial in result.trials if trial.seconds == trial.seconds)
    better = "highest" if plan.metric == "val_bleu" else "lowest"
    content = {
        "command": command,
        "metric": f"{plan.metric}, the {better} of all validations of a run",
        "verdict": verdict_line,
        "machine": machine,
        "training_seconds": total,
        "settings": plan.settings,
        "results": [result_summary(result) for result in results],
    }
    write_json(folder / "results.json", json_value(content))
    draw(results, plan.metric, folder / "loss.png")
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


def result_summary(result: Result) -> dict[str, Any]:
    """Return a result with the values of each seed and those over all seeds."""
    return {
        **result.variant._asdict(),
        "mean": result.mean,
        "spread": result.spread,
        "tokens_per_second": result.tokens_per_second,
        "seconds": result.seconds,
        "peak_memory": result.peak_memory,
        "generation": result.generation,
        "note": result.note,
        "seeds": result.trials,
    }
