"""A loss that is no number ends the training."""

import pytorch_lightning as pl
import torch
from torch import Tensor

from seq2seq.training.checkpoints import Continuation


class FiniteLoss(pl.Callback):
    """Stops before a loss that is not a number reaches the weights, and names the step and the last good checkpoint."""

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        if torch.isfinite(loss):
            return
        kept = [c.last for c in trainer.callbacks if isinstance(c, Continuation) and c.last.exists()]  # type: ignore[attr-defined]
        good = f"the last good checkpoint is {kept[0]}" if kept else "no checkpoint was written yet"
        raise ValueError(
            f"the loss is {loss.item()} at step {trainer.global_step + 1}, so training stopped; {good}; "
            f"a lower learning rate, a longer warm-up or a smaller trainer.gradient_clip_val may help"
        )
