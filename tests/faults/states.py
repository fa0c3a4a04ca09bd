"""Bitwise comparison of the final states of two runs."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_TIMING_CALLBACKS = ("ThroughputMonitor",)  # their state depends on the time taken
_TIMING_METRICS = ("seconds", "tokens_per_second")
_TRANSIENT_KEYS = ("current_score",)  # of the last validation only, which Lightning does not restore


def differences(one: Path, other: Path) -> list[str]:
    """Return how two runs differ in weights, optimizer, schedule, carried state, position, scores and logs."""
    from seq2seq import checkpoint

    problems = []
    for name in ("last", "best"):
        states = [checkpoint.load(run / "checkpoints" / f"{name}.ckpt") for run in (one, other)]
        parts = [_normalize(state, run) for state, run in zip(states, (one, other), strict=True)]
        problems += [f"{name}.ckpt differs at {path}" for path in find_unequal(*parts)][:5]
    if (logs := [_losses(run) for run in (one, other)])[0] != logs[1]:
        problems.append(f"the logged losses differ: {logs[0]} and {logs[1]}"[:1000])
    problems += [f"{run} has no finished.json" for run in (one, other) if not (run / "finished.json").exists()]
    return problems


def find_unequal(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Yield the paths at which two nested values differ in type or in any bit."""
    import torch

    if type(one) is not type(other):
        yield f"{path}: {type(one).__name__} and {type(other).__name__}"
    elif isinstance(one, torch.Tensor):
        same_type = one.dtype == other.dtype and one.shape == other.shape
        if not same_type or one.contiguous().numpy().tobytes() != other.contiguous().numpy().tobytes():
            yield path
    elif isinstance(one, dict):
        if list(one) != list(other):
            yield f"{path}: keys {sorted(map(str, one.keys() ^ other.keys()))} or their order"
        else:
            for key, value in one.items():
                yield from find_unequal(value, other[key], f"{path}.{key}")
    elif isinstance(one, list | tuple):
        if len(one) != len(other):
            yield f"{path}: lengths {len(one)} and {len(other)}"
        else:
            for index, (a, b) in enumerate(zip(one, other, strict=True)):
                yield from find_unequal(a, b, f"{path}[{index}]")
    elif one != other and not (one != one and other != other):
        yield f"{path}: {str(one)[:100]!r} and {str(other)[:100]!r}"


def _normalize(state: dict[str, Any], run: Path) -> dict[str, Any]:
    """Return a checkpoint without timings, and with paths relative to the folder of the run."""
    callbacks = {
        name: part for name, part in state.get("callbacks", {}).items() if not name.startswith(_TIMING_CALLBACKS)
    }
    metrics = {name: value for name, value in state.get("metrics", {}).items() if name not in _TIMING_METRICS}
    normalized: dict[str, Any] = _relative_paths(
        {**state, "callbacks": callbacks, "metrics": metrics}, str(run.resolve())
    )
    return normalized


def _relative_paths(value: Any, folder: str) -> Any:
    if isinstance(value, dict):
        return {
            _relative_paths(key, folder): _relative_paths(part, folder)
            for key, part in value.items()
            if key not in _TRANSIENT_KEYS
        }
    if isinstance(value, list | tuple):
        return type(value)(_relative_paths(part, folder) for part in value)
    return value.replace(folder, "RUN") if isinstance(value, str) else value


def _losses(run: Path) -> dict[str, str]:
    """Return the validation losses of all logs of a run, by step."""
    losses: dict[str, str] = {}
    for path in sorted(run.glob("logs/*/metrics.csv")):
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row.get("val_loss"):
                    losses[row["step"]] = row["val_loss"]
    return losses
