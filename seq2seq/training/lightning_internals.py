"""Adapter of Lightning's private interfaces: everything underscored that this package reads or sets in a trainer.

`tests/training/test_lightning_internals.py` fails if a new version of Lightning changes one of them.
"""

from typing import Any

import pytorch_lightning as pl


def is_logging_step(trainer: pl.Trainer) -> bool:
    """Return whether the loggers write the metrics of this step."""
    return bool(trainer._logger_connector.should_update_logs)


def is_accumulating(trainer: pl.Trainer) -> bool:
    """Return whether the gradients of the last batch wait for those of the next ones."""
    return bool(trainer.fit_loop.epoch_loop._should_accumulate())


def is_validation_due(trainer: pl.Trainer) -> bool:
    """Return whether a validation follows the last batch."""
    fetcher = trainer.fit_loop._data_fetcher
    return fetcher is not None and bool(trainer.fit_loop.epoch_loop._should_check_val_fx(fetcher))


def is_end_of_epoch(trainer: pl.Trainer) -> bool:
    """Return whether the last batch was the last one of its epoch."""
    return bool(trainer.fit_loop.epoch_loop._num_ready_batches_reached())


def forget_sigterm(trainer: pl.Trainer) -> None:
    """Let Lightning forget a SIGTERM that it has received, after which it would exit without a checkpoint."""
    trainer._signal_connector.received_sigterm = False


def correct_logged_step(trainer: pl.Trainer) -> None:
    """Set the step of the next logged metrics; after resuming a finished training, Lightning is one step ahead."""
    trainer.fit_loop.epoch_loop._batches_that_stepped = trainer.global_step


def correct_saved_epochs(checkpoint: dict[str, Any]) -> None:
    """Correct the epoch counters in a checkpoint that is being written between two epochs."""
    epochs = checkpoint["loops"]["fit_loop"]["epoch_progress"]
    for progress in (epochs["total"], epochs["current"]):
        progress["ready"] = progress["started"]


def correct_restored_epochs(trainer: pl.Trainer) -> None:
    """Correct the restored progress of the fit loop, so that training continues as if uninterrupted.

    Without this, Lightning resumes from the end of an epoch as if it were in the middle of one, counts the epoch in
    which a training ended as a complete one, and skips what is due at the end of the first epoch.
    """
    loop: Any = trainer.fit_loop
    epochs, batches = loop.epoch_progress, loop.epoch_loop.batch_progress
    if 0 < epochs.total.processed == epochs.total.started:
        if batches.is_last_batch or batches.current.ready >= loop.max_batches:
            loop.reset_restart_stage()
            loop.epoch_loop.reset_restart_stage()
            loop.epoch_loop.restarting = False
        else:
            for progress in (epochs.total, epochs.current):
                progress.processed -= 1
                progress.completed = progress.processed
            loop.update_restart_stage()
    loop._restarting = False  # only of this loop: the epoch loop inside still restarts in the middle of an epoch


def attached_trainer(model: pl.LightningModule) -> pl.Trainer | None:
    """Return the trainer of a model; None outside of a training, where `model.trainer` raises an error."""
    return model._trainer
