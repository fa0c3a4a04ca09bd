"""How fast training goes and how steep its way is."""

import time
from typing import Any

import pytorch_lightning as pl
import torch
from torch.optim import Optimizer


class Speed(pl.Callback):
    """Logs target tokens a second, over all processes, and the norm of the gradient before clipping."""

    def __init__(self) -> None:
        self.tokens = 0
        self.seconds = 0.0
        self.began = 0.0
        self.rate = 0.0

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self.began = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.tokens += batch.tokens
        self.seconds += time.perf_counter() - self.began
        if self.due(trainer):
            self.rate = self.tokens / max(self.seconds, 1e-9)
            pl_module.log("tokens_per_second", self.rate)
            self.tokens, self.seconds = 0, 0.0

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        if self.due(trainer):
            gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
            pl_module.log("gradient_norm", torch.nn.utils.get_total_norm(gradients))

    def due(self, trainer: pl.Trainer) -> bool:
        every = trainer.log_every_n_steps  # type: ignore[attr-defined]
        return bool(trainer.fit_loop.epoch_loop._batches_that_stepped % every == 0)
