"""The base class of the Lightning modules that train a network."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.precision import MixedPrecision, Precision
from pytorch_lightning.utilities import GradClipAlgorithmType

from seq2seq.errors import UserError
from seq2seq.models.hyperparameters import class_path, serialize_options
from seq2seq.models.network import Network
from seq2seq.tasks.task import Task
from seq2seq.training.lightning_internals import attached_trainer


class TrainingModule(Network, pl.LightningModule, ABC):
    """A network with its training, validation and testing, whose class and options its checkpoints hold.

    A subclass derives from a network, too, so that it has the network's options and weights.
    """

    task: ClassVar[Task[Any, Any]]
    # of `search` and `limits`, the attributes that options of `seq2seq predict` set
    predict_options: ClassVar[tuple[str, ...]] = ()

    save_hyperparameters = pl.LightningModule.save_hyperparameters

    @abstractmethod
    def evaluate(self, batch: Any, split: str) -> None:
        """Log the loss of a batch as `split`_loss."""

    def format_predictions(self, predictions: Sequence[Any], data: Any) -> Iterator[str]:
        """Yield the lines that `seq2seq predict` prints for the results of `predict_step`, with their data module."""
        return map(str, predictions)

    def validate_resume(self, checkpoint: dict[str, Any]) -> None:
        """Raise a UserError if what `on_save_checkpoint` wrote does not fit this model."""

    def validation_step(self, batch: Any) -> None:
        self.evaluate(batch, "val")

    def test_step(self, batch: Any) -> None:
        self.evaluate(batch, "test")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return AdamW; the command line replaces it by the configured optimizer and schedule."""
        return torch.optim.AdamW(self.parameters(), lr=1e-3, fused=True)

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip gradients of a fused optimizer too, which Lightning refuses in any mixed precision, not only float16."""
        precision = self.trainer.precision_plugin
        if not isinstance(precision, MixedPrecision):
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
        elif precision.scaler is None or not getattr(optimizer, "_step_supports_amp_scaling", False):
            algorithm = GradClipAlgorithmType(gradient_clip_algorithm or GradClipAlgorithmType.NORM)
            Precision.clip_gradients(precision, optimizer, gradient_clip_val or 0.0, algorithm)
        elif gradient_clip_val:
            raise UserError(
                "gradients scaled for float16 cannot be clipped with a fused optimizer: use bf16-mixed, "
                "or --optimizer.fused false, or --trainer.gradient_clip_val 0"
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        trainer = attached_trainer(self)
        data: Any = trainer and trainer.datamodule  # type: ignore[attr-defined]
        # the hashes detect a checkpoint whose tokenizers were exchanged
        hashes = {side: tokenizer.fingerprint() for side, tokenizer in getattr(data, "tokenizers", {}).items()}
        checkpoint["model"] = describe(self) | {"fingerprints": hashes}
        checkpoint["hyper_parameters"] = checkpoint["model"]["init_args"]


def describe(model: pl.LightningModule) -> dict[str, Any]:
    """Return a model's class and options, from which `seq2seq.inference` rebuilds it."""
    return {"class_path": class_path(type(model)), "init_args": serialize_options(model.hparams, type(model))}
