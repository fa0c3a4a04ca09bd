"""Evaluation of a trained checkpoint with the trainer: the losses of a split, and predictions for the test split."""

from typing import Any

import pytorch_lightning as pl

from seq2seq.data.vocabulary import find_data_state
from seq2seq.errors import prefix_errors
from seq2seq.inference.checkpoint import read_trained_checkpoint
from seq2seq.inference.checkpoint_validation import check_finite
from seq2seq.training.preflight import check_same_model
from seq2seq.training.progress import format_metrics
from seq2seq.training.validation_metrics import TRANSLATION_METRICS


def load_weights(model: pl.LightningModule, datamodule: Any, checkpoint: str) -> None:
    """Load the weights and the tokenizers of a checkpoint, which may also be an average."""
    contents = read_trained_checkpoint(checkpoint)
    check_same_model(model, contents, checkpoint, "use the config.yaml in the folder of its run")
    with prefix_errors(f"{checkpoint} cannot be used"):
        check_finite(contents["state_dict"])
    datamodule.load_state_dict(find_data_state(contents))
    model.load_state_dict(contents["state_dict"])


def validate(trainer: pl.Trainer, model: pl.LightningModule, datamodule: Any, checkpoint: str) -> None:
    """Print the loss on the validation split, and the metrics of the callback TranslationMetrics."""
    load_weights(model, datamodule, checkpoint)
    trainer.validate(model, datamodule=datamodule, verbose=False)
    if trainer.is_global_zero:
        print(format_metrics(trainer, "val_loss", *TRANSLATION_METRICS), flush=True)


def test(trainer: pl.Trainer, model: pl.LightningModule, datamodule: Any, checkpoint: str) -> None:
    """Print the loss on the test split."""
    load_weights(model, datamodule, checkpoint)
    trainer.test(model, datamodule=datamodule, verbose=False)
    if trainer.is_global_zero:
        print(format_metrics(trainer, "test_loss"), flush=True)


def predict(trainer: pl.Trainer, model: Any, datamodule: Any, checkpoint: str) -> None:
    """Print predictions for the test split, such as one translation per line, or the nats of one token per line."""
    load_weights(model, datamodule, checkpoint)
    batches = trainer.predict(model, datamodule=datamodule)
    predictions: list[Any] = [prediction for batch in batches or [] for prediction in batch]
    for line in model.format_predictions(predictions, datamodule):
        print(line)
