"""What a comparison leaves in its folder: results.json, table.md and loss.png."""

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
from seq2seq.comparison.table import clock, markdown
from seq2seq.comparison.verdict import Score, verdict
from seq2seq.storage import atomic_write, plain, write_json

RULE = (
    "Spread is the sample standard deviation over seeds; a gap between two means that is no larger than the larger of "
    "their spreads counts as none. Training time is that of training without validation, the mean over seeds. Writing "
    "is of one text, token by token, in float32. Peak memory is that of tensors on a GPU, and of the whole process on "
    "a CPU."
)


def sentence(results: Sequence[Result], plan: Plan) -> str:
    """The verdict, with what did not finish."""
    scores = [Score(result.variant.entry, result.mean, result.spread) for result in results]
    troubles = [f"{result.variant.entry}, {trouble}" for result in results for trouble in result.troubles]
    told = f" Not finished: {'; '.join(troubles)}." if troubles else ""
    return verdict(scores, plan.metric) + told


def machine(on_cpu: bool) -> dict[str, Any]:
    """Where the numbers come from; a GPU that nothing was trained on is no part of it."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "processor": platform.machine(),
        "gpu": None if on_cpu or not torch.cuda.is_available() else torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "seq2seq": version("seq2seq"),
        "python": platform.python_version(),
    }


def write(results: Sequence[Result], plan: Plan, folder: Path, command: str) -> None:
    """Write all three."""
    place, told = machine(plan.on_cpu), sentence(results, plan)
    total = sum(trial.seconds for result in results for trial in result.trials if trial.seconds == trial.seconds)
    better = "highest" if plan.metric == "val_bleu" else "lowest"
    held = {
        "command": command,
        "metric": f"{plan.metric}, the {better} of all validations of a run",
        "verdict": told,
        "machine": place,
        "training_seconds": total,
        "settings": plan.settings,
        "results": [summary(result) for result in results],
    }
    write_json(folder / "results.json", plain(held))
    draw(results, plan.metric, folder / "loss.png")
    where = f"{place['gpu']}, " if place["gpu"] else ""
    text = (
        f"# {len(plan.variants)} layers compared\n\n"
        f"```sh\n{command}\n```\n\n"
        f"{markdown(results, plan.metric, plan.settings.seeds)}\n"
        f"{told}\n\n"
        f"The score is the {better} of all validations of a run. {RULE}\n\n"
        f"![{plan.metric} over tokens and seconds](loss.png)\n\n"
        f"{where}cores: {place['cores']}, threads: {place['threads']}, {place['processor']}; torch {place['torch']}, "
        f"seq2seq {place['seq2seq']}; all trainings together {clock(total)}.\n"
    )
    with atomic_write(folder / "table.md") as temporary:
        temporary.write_text(text, encoding="utf-8")


def summary(result: Result) -> dict[str, Any]:
    """A result with the numbers of each seed and those over all of them."""
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
