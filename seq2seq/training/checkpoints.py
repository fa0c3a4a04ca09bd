"""Checkpoints that are whole or absent, and from which a stopped training goes on as if it had not been stopped."""

import os
import shutil
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint, ModelCheckpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

from seq2seq.files import whole


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint beside its place and moves it there, so that kill -9 during a write loses nothing."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any | None = None
    ) -> None:
        with whole(path) as temporary:
            torch.save(checkpoint, temporary)


class Continuation(Checkpoint):
    """Keeps last.ckpt, from which `--resume` goes on, and best.ckpt beside it.

    SIGINT and SIGTERM let the step finish, write last.ckpt and end the process with status 130 or 143. A checkpoint is
    only written after a whole optimiser step, and not between a step and the validation that is due after it.

    Args:
        folder: Where the checkpoints are.
        minutes: Minutes between two of them.
        every_n_steps: Steps between two of them, beside those every few minutes.
    """

    def __init__(self, folder: Path, minutes: float = 5.0, every_n_steps: int | None = None) -> None:
        self.folder = folder
        self.seconds = 60 * minutes
        self.every_n_steps = every_n_steps
        self.written = time.monotonic()
        self.received: int | None = None
        self.handlers: dict[int, Any] = {}
        self.step = 0

    @property
    def last(self) -> Path:
        return self.folder / "last.ckpt"

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.written = time.monotonic()
        self.step = trainer.global_step
        for number in (signal.SIGINT, signal.SIGTERM):
            self.handlers[number] = signal.signal(number, self.receive)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        while self.handlers:
            signal.signal(*self.handlers.popitem())

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self.teardown(trainer, pl_module, "fit")

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Remember the signal until the step is over; the same one again ends at once."""
        if self.received == number:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.received = number

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loop = trainer.fit_loop.epoch_loop
        fetcher = trainer.fit_loop._data_fetcher
        if trainer.global_step == self.step or loop._should_accumulate():
            return  # in the middle of an optimiser step, whose gradients no checkpoint holds
        if fetcher is not None and loop._should_check_val_fx(fetcher):
            return  # on_validation_end takes this turn
        self.take_turn(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        self.keep_best(trainer)
        if not trainer.fit_loop.epoch_loop._should_accumulate():
            self.take_turn(trainer)

    def take_turn(self, trainer: pl.Trainer) -> None:
        """Write a checkpoint if it is time, and stop if a signal came; all ranks do the same."""
        steps = self.every_n_steps is not None and trainer.global_step // self.every_n_steps > (
            self.step // self.every_n_steps
        )
        self.step = trainer.global_step
        stop = self.received is not None
        if trainer.world_size > 1:
            stop = trainer.strategy.reduce_boolean_decision(stop, all=False)
        due = trainer.strategy.broadcast(steps or time.monotonic() - self.written > self.seconds)
        if stop or due:
            self.save(trainer)
        if stop:
            number = self.received or signal.SIGTERM
            if trainer.is_global_zero:
                print(f"stopped after step {trainer.global_step:,}; --resume goes on from {self.last}", flush=True)
            raise SystemExit(128 + number)

    def save(self, trainer: pl.Trainer) -> None:
        trainer.save_checkpoint(self.last)
        self.written = time.monotonic()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.save(trainer)
        if trainer.is_global_zero and not (self.folder / "best.ckpt").exists():
            place(self.last, self.folder / "best.ckpt")

    def keep_best(self, trainer: pl.Trainer) -> None:
        """Let best.ckpt name the best checkpoint so far."""
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, ModelCheckpoint) and callback.best_model_path and trainer.is_global_zero:
                place(Path(callback.best_model_path), self.folder / "best.ckpt")


def place(checkpoint: Path, name: Path) -> None:
    """Give a checkpoint a second name without a second copy, where the file system can."""
    with whole(name) as temporary:
        try:
            os.link(checkpoint, temporary)
        except OSError:
            shutil.copyfile(checkpoint, temporary)
