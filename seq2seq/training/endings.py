"""What a run leaves in its folder when it has finished, beside its checkpoints."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from seq2seq.checkpoint import best_checkpoint, last_checkpoint
from seq2seq.footprint import peak_memory
from seq2seq.training import runs
from seq2seq.training.checkpoints import place
from seq2seq.training.logs import rows
from seq2seq.training.speed import Speed


def spent(trainer: pl.Trainer) -> dict[str, float]:
    """What a training took: seconds without validation, target tokens, and bytes of memory at most."""
    totals = [c.state_dict() for c in trainer.callbacks if isinstance(c, Speed)]  # type: ignore[attr-defined]
    return {"peak_memory": peak_memory(trainer.strategy.root_device), **totals[0]}


def complete(run: Path, held: dict[str, Any]) -> None:
    """Finish a run that was stopped behind its last step, with what its logs and its last checkpoint say of it."""
    metrics = {name: value for row in rows(run) for name, value in row.items() if name not in ("epoch", "step")}
    if not (best := best_checkpoint(run)).exists():
        place(last_checkpoint(run), best)
    runs.finish(run, {"steps": held["global_step"], **metrics, **held["callbacks"][Speed().state_key]})
