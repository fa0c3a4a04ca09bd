"""A loss that is no number ends the training."""

from typing import Any, NoReturn

import pytorch_lightning as pl
import torch
from torch import Tensor

from seq2seq.errors import UserError
from seq2seq.training.checkpoints import ResumeCheckpoint
from seq2seq.training.throughput import due


class NanGuard(pl.Callback):
    """Stops before a loss that is not a number reaches the weights, and names the step and the last good checkpoint.

    A GPU is asked only in steps that are logged, since every question lets it run dry; nothing wrong is written before.
    Weights that are no numbers, which a gradient that overflows leaves behind, are neither validated nor written.
    """

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        if loss.device.type != "cpu" and not due(trainer):
            return
        # all processes stop together, or those whose loss is finite would wait for the others
        if not trainer.strategy.reduce_boolean_decision(bool(torch.isfinite(loss)), all=True):
            stop(trainer, f"the loss is not a finite number at step {trainer.global_step + 1}")

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        check_weights(trainer, pl_module)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        check_weights(trainer, pl_module)


def check_weights(trainer: pl.Trainer, model: pl.LightningModule) -> None:
    if not all(bool(torch.isfinite(weight).all()) for weight in model.parameters()):
        stop(trainer, f"a weight is not a finite number after step {trainer.global_step}")


def stop(trainer: pl.Trainer, what: str) -> NoReturn:
    if not trainer.is_global_zero:
        raise SystemExit(0)  # the first process speaks for all
    kept = [c.last for c in trainer.callbacks if isinstance(c, ResumeCheckpoint) and c.last.exists()]  # type: ignore[attr-defined]
    good = f"the last good checkpoint is {kept[0]}" if kept else "no checkpoint was written yet"
    raise UserError(
        f"{what}, so training stopped; {good}; "
        f"a lower learning rate, a longer warm-up or a smaller trainer.gradient_clip_val may help"
    )
