"""Lightning's private interfaces behave as the adapter needs them."""

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
from pytorch_lightning.demos.boring_classes import BoringModel

from seq2seq.training import lightning_internals

pytestmark = pytest.mark.filterwarnings("ignore")  # of Lightning about few workers


class Recorder(pl.Callback):
    """Records what the adapter returns after every batch, and the epoch counters of a checkpoint between epochs."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "epoch.ckpt"
        self.batches: list[dict[str, bool]] = []
        self.epochs: list[list[dict[str, int]]] = []

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        names = ("is_accumulating", "is_validation_due", "is_end_of_epoch", "is_logging_step")
        self.batches.append({name: getattr(lightning_internals, name)(trainer) for name in names})

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch == 1:
            trainer.save_checkpoint(self.path)

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: Any) -> None:
        progress = checkpoint["loops"]["fit_loop"]["epoch_progress"]
        self.epochs.append([dict(progress["total"])])
        lightning_internals.correct_saved_epochs(checkpoint)
        self.epochs[-1].append(dict(progress["total"]))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[pl.Trainer, Recorder]:
    """Two epochs of four batches, with a step after every two batches and a validation after every two."""
    recorder = Recorder(tmp_path_factory.mktemp("run"))
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False, max_epochs=2,
        limit_train_batches=4, limit_val_batches=1, val_check_interval=2, accumulate_grad_batches=2,
        log_every_n_steps=2, num_sanity_val_steps=0, enable_model_summary=False, callbacks=[recorder],
    )  # fmt: skip
    trainer.fit(BoringModel())
    return trainer, recorder


def test_state_after_every_batch(trained: tuple[pl.Trainer, Recorder]) -> None:
    _, recorder = trained
    columns = {name: [batch[name] for batch in recorder.batches] for name in recorder.batches[0]}
    assert columns["is_accumulating"] == [True, False] * 4
    assert columns["is_validation_due"] == [False, True] * 4
    assert columns["is_end_of_epoch"] == [False, False, False, True] * 2
    assert columns["is_logging_step"] == [False, False, True, True] * 2


def test_epoch_counters_of_a_checkpoint_between_epochs_are_corrected(trained: tuple[pl.Trainer, Recorder]) -> None:
    _, recorder = trained
    ((saved, corrected),) = recorder.epochs
    assert saved["ready"] == saved["started"] + 1  # otherwise the correction is no longer needed
    assert corrected == saved | {"ready": saved["started"]}


def test_restored_epochs_are_corrected(trained: tuple[pl.Trainer, Recorder]) -> None:
    trainer, _ = trained
    progress = trainer.fit_loop.state_dict()["epoch_progress"]["total"]
    assert progress["started"] == progress["processed"] == 2
    trainer.fit_loop._restarting = True
    assert trainer.fit_loop.restarting
    lightning_internals.correct_restored_epochs(trainer)
    assert not trainer.fit_loop.restarting


def test_logged_step_is_corrected(trained: tuple[pl.Trainer, Recorder]) -> None:
    trainer, _ = trained
    assert trainer.global_step == trainer.fit_loop.epoch_loop._batches_that_stepped == 4
    trainer.fit_loop.epoch_loop._batches_that_stepped = 5
    lightning_internals.correct_logged_step(trainer)
    assert trainer.fit_loop.epoch_loop._batches_that_stepped == 4


def test_received_signal_is_forgotten(trained: tuple[pl.Trainer, Recorder]) -> None:
    trainer, _ = trained
    trainer._signal_connector.received_sigterm = True
    assert trainer.received_sigterm
    lightning_internals.forget_sigterm(trainer)
    assert not trainer.received_sigterm


def test_attached_trainer_is_none_before_training(trained: tuple[pl.Trainer, Recorder]) -> None:
    trainer, _ = trained
    model = BoringModel()
    assert lightning_internals.attached_trainer(model) is None
    model.trainer = trainer
    assert lightning_internals.attached_trainer(model) is trainer
