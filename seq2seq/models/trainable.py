"""What Lightning is told of every model that is trained."""

from abc import ABC, abstractmethod
from typing import Any

import pytorch_lightning as pl
import torch

from seq2seq.models.hyperparameters import path, plain
from seq2seq.models.network import Network


class Trainable(Network, pl.LightningModule, ABC):
    """A network that can be trained, validated and tested, and that its checkpoints describe."""

    save_hyperparameters = pl.LightningModule.save_hyperparameters

    @abstractmethod
    def evaluate(self, batch: Any, name: str) -> None:
        """Log the loss of a batch as `name`_loss."""

    def validation_step(self, batch: Any) -> None:
        self.evaluate(batch, "val")

    def test_step(self, batch: Any) -> None:
        self.evaluate(batch, "test")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; the command line puts its own optimiser and schedule here."""
        return torch.optim.AdamW(self.parameters(), lr=1e-3)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["model"] = describe(self)
        checkpoint["hyper_parameters"] = checkpoint["model"]["init_args"]


def describe(model: pl.LightningModule) -> dict[str, Any]:
    """A model's class and options, from which `seq2seq.inference` builds it again."""
    return {"class_path": path(type(model)), "init_args": plain(model.hparams)}
