"""What Lightning is told of every model that is trained."""

from abc import ABC, abstractmethod
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.precision import MixedPrecision, Precision
from pytorch_lightning.utilities import GradClipAlgorithmType

from seq2seq.errors import UserError
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
        return torch.optim.AdamW(self.parameters(), lr=1e-3, fused=True)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip with a fused optimiser too, which Lightning refuses in mixed precision and only float16 excludes."""
        plugin = self.trainer.precision_plugin
        if not isinstance(plugin, MixedPrecision):
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
        elif plugin.scaler is None or not getattr(optimizer, "_step_supports_amp_scaling", False):
            kind = GradClipAlgorithmType(gradient_clip_algorithm or GradClipAlgorithmType.NORM)
            Precision.clip_gradients(plugin, optimizer, gradient_clip_val or 0.0, kind)
        elif gradient_clip_val:
            raise UserError(
                "float16 scales gradients, which a fused optimiser then cannot clip: take bf16-mixed, "
                "or --optimizer.fused false, or --trainer.gradient_clip_val 0"
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        data: Any = self._trainer and self._trainer.datamodule  # type: ignore[attr-defined]
        # a checkpoint whose tokenizers were exchanged is told by their hashes
        hashes = {side: tokenizer.fingerprint() for side, tokenizer in getattr(data, "tokenizers", {}).items()}
        checkpoint["model"] = describe(self) | {"fingerprints": hashes}
        checkpoint["hyper_parameters"] = checkpoint["model"]["init_args"]


def describe(model: pl.LightningModule) -> dict[str, Any]:
    """A model's class and options, from which `seq2seq.inference` builds it again."""
    return {"class_path": path(type(model)), "init_args": plain(model.hparams)}
