"""How a training ends: what a run leaves in its folder beside its checkpoints, and one process when another fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from seq2seq.checkpoint import best_checkpoint, last_checkpoint
from seq2seq.errors import UserError
from seq2seq.peak_memory import peak_memory
from seq2seq.training import runs
from seq2seq.training.checkpoints import place
from seq2seq.training.metrics_log import rows
from seq2seq.training.throughput import ThroughputMonitor


def spent(trainer: pl.Trainer) -> dict[str, float]:
    """What a training took: seconds without validation, target tokens, and bytes of memory at most."""
    totals = [c.state_dict() for c in trainer.callbacks if isinstance(c, ThroughputMonitor)]  # type: ignore[attr-defined]
    return {"peak_memory": peak_memory(trainer.strategy.root_device), **totals[0]}


def complete(run: Path, held: dict[str, Any]) -> None:
    """Finish a run that was stopped behind its last step, with what its logs and its last checkpoint say of it."""
    metrics = {name: value for row in rows(run) for name, value in row.items() if name not in ("epoch", "step")}
    if not (best := best_checkpoint(run)).exists():
        place(last_checkpoint(run), best)
    runs.finish(
        run, {"steps": held["global_step"], **metrics, **held["callbacks"].get(ThroughputMonitor().state_key, {})}
    )


@contextmanager
def ending_together() -> Iterator[None]:
    """Raise a UserError in a process that waits for one that has ended, which itself says why."""
    try:
        yield
    except RuntimeError as error:  # of gloo, which knows no kind of its own
        if not any(closed in str(error) for closed in ("closed by peer", "reset by peer")):
            raise
        raise UserError("another process of this training has ended, and says why") from error
