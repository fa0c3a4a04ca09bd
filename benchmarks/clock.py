"""Time a range of training batches, without the set-up before and the clean-up after them."""

from typing import Any

import pytorch_lightning as pl

from benchmarks.interleaved import now
from benchmarks.setting import synchronize


class Clock(pl.Callback):
    """Measure the seconds of some batches, including waiting for data.

    Args:
        warm_up: Untimed batches before them.
        batches: Number of timed batches.
        device: Synchronized before the time is read.
    """

    def __init__(self, warm_up: int, batches: int, device: str = "cpu") -> None:
        self.warm_up = warm_up
        self.last = warm_up + batches
        self.device = device
        self.start = 0.0
        self.seconds = 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step in (self.warm_up, self.last):
            synchronize(self.device)
            time = now()
            self.start, self.seconds = time, time - self.start
