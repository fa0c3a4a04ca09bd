"""Models in the precisions in which they decode: the one place that knows how a model gets there."""

import inspect
from pathlib import Path
from typing import Any

PRECISIONS = ("float32", "bf16", "int8")


def loaded(checkpoint: str | Path, precision: str, device: str) -> Any:
    """What writes or translates, in a precision; None where this version has no such precision."""
    from seq2seq.inference import load

    if "precision" in inspect.signature(load).parameters:
        return load(checkpoint, device=device, precision=precision)
    return load(checkpoint, device=device) if precision == "float32" else None
