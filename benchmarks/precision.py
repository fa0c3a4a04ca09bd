"""Load models in the precisions in which they generate."""

from pathlib import Path
from typing import Any

PRECISIONS = ("float32", "bf16", "int8")


def load_in_precision(checkpoint: str | Path, precision: str, device: str) -> Any:
    """Load a pipeline in a precision; None if the device does not support the precision."""
    from seq2seq.tasks import load

    return None if precision == "int8" and device != "cpu" else load(checkpoint, device=device, precision=precision)
