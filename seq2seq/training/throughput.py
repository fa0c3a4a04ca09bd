"""Training throughput and gradient norm."""

import time
from typing import Any

import pytorch_lightning as pl
import torch
from torch.optim import Optimizer

from seq2seq.training.lightning_internals import is_logging_step


class ThroughputMonitor(pl.Callback):
    """Callback that logs target tokens per second over all processes, and the gradient norm before clipping.

    It also logs the total tokens and seconds of the training, which continue across resumes. Waiting for
    batches is included, validation is not.
    """

    def __init__(self) -> None:
        self.tokens = 0
        self.seconds = 0.0
        self.last_time: float | None = None
        self.total_tokens = 0
        self.total_seconds = 0.0

    def state_dict(self) -> dict[str, Any]:
        return {"tokens": self.total_tokens, "seconds": self.total_seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.total_tokens, self.total_seconds = state_dict["tokens"], state_dict["seconds"]

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self.last_time is None:
            self.last_time = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        elapsed = now - (now if self.last_time is None else self.last_time)
        self.tokens, self.total_tokens = self.tokens + batch.tokens, self.total_tokens + batch.tokens
        self.seconds, self.total_seconds = self.seconds + elapsed, self.total_seconds + elapsed
        self.last_time = now
        if is_logging_step(trainer):
            pl_module.log("tokens_per_second", self.tokens / max(self.seconds, 1e-9))
            self.log_totals(pl_module)
            self.tokens, self.seconds = 0, 0.0

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.last_time = None

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.log_totals(pl_module)  # so that the row of the validation loss has them too

    def log_totals(self, pl_module: pl.LightningModule) -> None:
        pl_module.log("tokens", float(self.total_tokens))
        pl_module.log("seconds", self.total_seconds)

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        if is_logging_step(trainer):
            gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
            pl_module.log("gradient_norm", torch.nn.utils.get_total_norm(gradients))
