"""The end of a training: the summary of a run, and the error of a process whose peer has ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from seq2seq import runs
from seq2seq.checkpoint import best_checkpoint, last_checkpoint
from seq2seq.errors import UserError
from seq2seq.memory import peak_memory
from seq2seq.training.checkpoints import link_or_copy
from seq2seq.training.metrics_log import read_metrics
from seq2seq.training.throughput import ThroughputMonitor


def resource_usage(trainer: pl.Trainer) -> dict[str, float]:
    """Return the target tokens, the seconds without validation and the peak memory in bytes of a training."""
    totals = [c.state_dict() for c in trainer.callbacks if isinstance(c, ThroughputMonitor)]  # type: ignore[attr-defined]
    return {"peak_memory": peak_memory(trainer.strategy.root_device), **totals[0]}


def complete_run(run: Path, checkpoint: dict[str, Any]) -> None:
    """Mark a run that was stopped after its last step as finished, with metrics from its logs and last checkpoint."""
    metrics = {name: value for row in read_metrics(run) for name, value in row.items() if name not in ("epoch", "step")}
    if not (best := best_checkpoint(run)).exists():
        link_or_copy(last_checkpoint(run), best)
    runs.mark_finished(
        run,
        {
            "steps": checkpoint["global_step"],
            **metrics,
            **checkpoint["callbacks"].get(ThroughputMonitor().state_key, {}),
        },
    )


@contextmanager
def peer_errors() -> Iterator[None]:
    """Raise a short UserError if another process of a distributed training has ended, which prints the cause itself."""
    try:
        yield
    except RuntimeError as error:  # gloo has no exception class of its own
        if not any(message in str(error) for message in ("closed by peer", "reset by peer")):
            raise
        raise UserError("another process of this training has ended; its output has the cause") from error
