"""Models in the precisions in which they decode: the one place that knows how a model gets there."""

from pathlib import Path
from typing import Any

PRECISIONS = ("float32", "bf16", "int8")


def loaded(checkpoint: str | Path, precision: str, device: str) -> Any:
    """What writes or translates, in a precision; None where a device has no such precision."""
    from seq2seq.inference import load

    return None if precision == "int8" and device != "cpu" else load(checkpoint, device=device, precision=precision)
