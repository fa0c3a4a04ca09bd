"""The time of training between batches, without what comes before the first and after the last."""

from typing import Any

import pytorch_lightning as pl

from benchmarks.contest import now
from benchmarks.setting import synchronise


class Clock(pl.Callback):
    """Seconds of some batches, waiting for them included.

    Args:
        warm: Batches before those.
        batches: How many are timed.
        device: What is waited for before the time is taken.
    """

    def __init__(self, warm: int, batches: int, device: str = "cpu") -> None:
        self.warm = warm
        self.last = warm + batches
        self.device = device
        self.began = 0.0
        self.seconds = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step in (self.warm, self.last):
            synchronise(self.device)
            time = now()
            self.began, self.seconds = time, time - self.began
