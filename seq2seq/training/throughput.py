"""How fast training goes, and how steep its way is."""

import time
from typing import Any

import pytorch_lightning as pl
import torch
from torch.optim import Optimizer


class ThroughputMonitor(pl.Callback):
    """Logs target tokens a second, over all processes, and the norm of the gradient before clipping.

    Beside them stand all tokens and all seconds of the training so far, which a run that goes on counts on. Waiting for
    batches counts, validation does not.
    """

    def __init__(self) -> None:
        self.tokens = 0
        self.seconds = 0.0
        self.began: float | None = None
        self.all_tokens = 0
        self.all_seconds = 0.0

    def state_dict(self) -> dict[str, Any]:
        return {"tokens": self.all_tokens, "seconds": self.all_seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.all_tokens, self.all_seconds = state_dict["tokens"], state_dict["seconds"]

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if self.began is None:
            self.began = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        spent = now - (now if self.began is None else self.began)
        self.tokens, self.all_tokens = self.tokens + batch.tokens, self.all_tokens + batch.tokens
        self.seconds, self.all_seconds = self.seconds + spent, self.all_seconds + spent
        self.began = now
        if due(trainer):
            pl_module.log("tokens_per_second", self.tokens / max(self.seconds, 1e-9))
            self.log_all(pl_module)
            self.tokens, self.seconds = 0, 0.0

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.began = None

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.log_all(pl_module)  # in the row of the validation's loss, whose place in the training they are

    def log_all(self, pl_module: pl.LightningModule) -> None:
        pl_module.log("tokens", float(self.all_tokens))
        pl_module.log("seconds", self.all_seconds)

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        if due(trainer):
            gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
            pl_module.log("gradient_norm", torch.nn.utils.get_total_norm(gradients))


def due(trainer: pl.Trainer) -> bool:
    """Whether what is logged in this step is written."""
    return bool(trainer._logger_connector.should_update_logs)
