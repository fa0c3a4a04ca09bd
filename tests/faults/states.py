"""What a training ended with, compared bit for bit."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_TIMES = ("ThroughputMonitor",)  # callbacks whose state is how long something took
_MEASURED_TIMES = ("seconds", "tokens_per_second")  # of the metrics
_PASSING = ("current_score",)  # what Lightning keeps of the last validation only, and does not read from a checkpoint


def differences(one: Path, other: Path) -> list[str]:
    """Return where two runs ended otherwise: weights, optimiser, schedule, carried state, position, scores and logs."""
    from seq2seq import checkpoint

    wrong = []
    for name in ("last", "best"):
        states = [checkpoint.load(run / "checkpoints" / f"{name}.ckpt") for run in (one, other)]
        parts = [_comparable(state, run) for state, run in zip(states, (one, other), strict=True)]
        wrong += [f"{name}.ckpt differs at {place}" for place in unequal(*parts)][:5]
    if (logs := [_losses(run) for run in (one, other)])[0] != logs[1]:
        wrong.append(f"the logged losses differ: {logs[0]} and {logs[1]}"[:1000])
    wrong += [f"{run} has no finished.json" for run in (one, other) if not (run / "finished.json").exists()]
    return wrong


def unequal(one: Any, other: Any, place: str = "") -> Iterator[str]:
    """Yield the places at which two nested values differ in type or in any bit."""
    import torch

    if type(one) is not type(other):
        yield f"{place}: {type(one).__name__} and {type(other).__name__}"
    elif isinstance(one, torch.Tensor):
        same = one.dtype == other.dtype and one.shape == other.shape
        if not same or one.contiguous().numpy().tobytes() != other.contiguous().numpy().tobytes():
            yield place
    elif isinstance(one, dict):
        if list(one) != list(other):
            yield f"{place}: keys {sorted(map(str, one.keys() ^ other.keys()))} or their order"
        else:
            for key, value in one.items():
                yield from unequal(value, other[key], f"{place}.{key}")
    elif isinstance(one, list | tuple):
        if len(one) != len(other):
            yield f"{place}: lengths {len(one)} and {len(other)}"
        else:
            for index, (a, b) in enumerate(zip(one, other, strict=True)):
                yield from unequal(a, b, f"{place}[{index}]")
    elif one != other and not (one != one and other != other):
        yield f"{place}: {str(one)[:100]!r} and {str(other)[:100]!r}"


def _comparable(state: dict[str, Any], run: Path) -> dict[str, Any]:
    """A checkpoint without how long things took, with paths that do not depend on the run's folder."""
    callbacks = {name: part for name, part in state.get("callbacks", {}).items() if not name.startswith(_TIMES)}
    metrics = {name: value for name, value in state.get("metrics", {}).items() if name not in _MEASURED_TIMES}
    found: dict[str, Any] = _renamed({**state, "callbacks": callbacks, "metrics": metrics}, str(run.resolve()))
    return found


def _renamed(value: Any, folder: str) -> Any:
    if isinstance(value, dict):
        return {_renamed(key, folder): _renamed(part, folder) for key, part in value.items() if key not in _PASSING}
    if isinstance(value, list | tuple):
        return type(value)(_renamed(part, folder) for part in value)
    return value.replace(folder, "RUN") if isinstance(value, str) else value


def _losses(run: Path) -> dict[str, str]:
    """The validation losses of all logs of a run, by step."""
    found: dict[str, str] = {}
    for path in sorted(run.glob("logs/*/metrics.csv")):
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row.get("val_loss"):
                    found[row["step"]] = row["val_loss"]
    return found
