"""Stop training when the loss or a weight is NaN or infinite."""

from typing import Any, NoReturn

import pytorch_lightning as pl
import torch
from torch import Tensor

from seq2seq.errors import UserError
from seq2seq.training.checkpoints import ResumeCheckpoint
from seq2seq.training.lightning_internals import is_logging_step


class NanGuard(pl.Callback):
    """Callback that stops before a NaN or infinite loss is backpropagated, and reports step and last good checkpoint.

    On a GPU the loss is only checked in logging steps, since each check waits for the GPU. Weights, which an overflow
    of the gradient can make infinite, are checked before every validation and before every checkpoint.
    """

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        if loss.device.type != "cpu" and not is_logging_step(trainer):
            return
        # all ranks stop together; otherwise those with a finite loss would wait for the others
        if not trainer.strategy.reduce_boolean_decision(bool(torch.isfinite(loss)), all=True):
            stop_training(trainer, f"the loss is not a finite number at step {trainer.global_step + 1}")

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        check_finite_weights(trainer, pl_module)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        check_finite_weights(trainer, pl_module)


def check_finite_weights(trainer: pl.Trainer, model: pl.LightningModule) -> None:
    if not all(bool(torch.isfinite(weight).all()) for weight in model.parameters()):
        stop_training(trainer, f"a weight is not a finite number after step {trainer.global_step}")


def stop_training(trainer: pl.Trainer, cause: str) -> NoReturn:
    if not trainer.is_global_zero:
        raise SystemExit(0)  # only rank 0 reports the error
    callbacks = [c for c in trainer.callbacks if isinstance(c, ResumeCheckpoint)]  # type: ignore[attr-defined]
    saved = [c.last_path for c in callbacks if c.last_path.exists()]
    checkpoint = f"the last good checkpoint is {saved[0]}" if saved else "no checkpoint was written yet"
    raise UserError(
        f"{cause}, so training stopped; {checkpoint}; "
        f"a lower learning rate, a longer warm-up or a smaller trainer.gradient_clip_val may help"
    )
