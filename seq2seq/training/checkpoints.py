"""Atomic checkpoints, and the callback that writes them so that a resumed training equals an uninterrupted one."""

import os
import shutil
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint, ModelCheckpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

from seq2seq import checkpoint as checkpoint_file
from seq2seq.errors import UserError
from seq2seq.ranges import Count, NonNegative, checked
from seq2seq.storage import atomic_write
from seq2seq.training.lightning_internals import (
    correct_logged_step,
    correct_restored_epochs,
    correct_saved_epochs,
    forget_sigterm,
    is_accumulating,
    is_end_of_epoch,
    is_validation_due,
)


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoint plugin that writes to a temporary file and renames it, so that kill -9 cannot corrupt a checkpoint.

    Contents in `preloaded`, by path, are used once instead of reading the file.
    """

    def __init__(self) -> None:
        super().__init__()
        self.preloaded: dict[str, dict[str, Any]] = {}

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any | None = None
    ) -> None:
        try:
            checkpoint_file.save(checkpoint, path)
        except UserError as error:
            raise UserError(f"{error}; {describe_last_checkpoint(Path(path).parent)}") from error

    def load_checkpoint(
        self, path: str | os.PathLike[str], map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        if (contents := self.preloaded.pop(os.fspath(path), None)) is not None:
            return contents
        return checkpoint_file.load(path, mapped=False)  # training modifies the tensors in place and replaces the file


class ResumeCheckpoint(Checkpoint):
    """Callback that keeps last.ckpt, which `--resume` continues from, and best.ckpt in the same folder.

    On SIGINT or SIGTERM it lets the current step finish, writes last.ckpt and exits with status 130 or 143. It only
    saves after a complete optimizer step, and never between a step and the validation that follows it.

    Args:
        folder: Folder of the checkpoints.
        minutes: Minutes between two checkpoints.
        every_n_steps: Steps between two checkpoints, in addition to those every few minutes.
    """

    @checked
    def __init__(self, folder: Path, minutes: NonNegative = 5.0, every_n_steps: Count | None = None) -> None:
        self.folder = folder
        self.interval_seconds = 60 * minutes
        self.every_n_steps = every_n_steps
        self.last_save_time = time.monotonic()
        self.received_signal: int | None = None
        self.previous_handlers: dict[int, Any] = {}
        self.last_step = 0
        self.restored_metrics: dict[str, Any] = {}
        self.main_pid = 0  # its data-loading workers inherit the handler, but must not print the message

    @property
    def last_path(self) -> Path:
        return self.folder / "last.ckpt"

    def state_dict(self) -> dict[str, Any]:
        return {"folder": os.path.realpath(self.folder)}

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the latest metrics, which schedules and callbacks need on resume, and correct the epoch counters."""
        checkpoint["metrics"] = {name: value.cpu() for name, value in sorted(trainer.callback_metrics.items())}
        correct_saved_epochs(checkpoint)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Point ModelCheckpoint states to this run's folder, in case the run was moved.

        Files that are not in this folder, as in a new run that continues from another run's checkpoint, are dropped.
        """
        states = checkpoint["callbacks"]
        old_folder, new_folder = states.get(self.state_key, {}).get("folder"), os.path.realpath(self.folder)
        for callback in trainer.checkpoint_callbacks:
            state = states.get(callback.state_key)
            if isinstance(callback, ModelCheckpoint) and state is not None:
                if old_folder is not None and state["dirpath"] == old_folder:
                    state = relocate_paths(state, old_folder, new_folder)
                states[callback.state_key] = drop_missing_files(
                    new_folder, state, higher_is_better=callback.mode == "max"
                )
        self.restored_metrics = checkpoint.get("metrics", {})

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.last_save_time = time.monotonic()
        self.last_step = trainer.global_step
        correct_restored_epochs(trainer)
        trainer.callback_metrics.update(self.restored_metrics)
        if trainer.is_global_zero:
            self.main_pid = os.getpid()
        if trainer.received_sigterm:  # caught by Lightning's handler, which would exit without a checkpoint
            self.received_signal = signal.SIGTERM
            forget_sigterm(trainer)
        for number in (signal.SIGINT, signal.SIGTERM):
            self.previous_handlers[number] = signal.signal(number, self.handle_signal)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        correct_logged_step(trainer)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self.restore_signal_handlers()

    def restore_signal_handlers(self) -> None:
        """Restore the previous signal handlers; Lightning, which had set them, restores its own afterwards."""
        while self.previous_handlers:
            signal.signal(*self.previous_handlers.popitem())

    def handle_signal(self, number: int, frame: FrameType | None) -> None:
        """Store the signal until the step is finished; the same signal a second time ends the process at once."""
        if self.received_signal == number:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.received_signal = number
        if os.getpid() == self.main_pid:
            os.write(2, b"stopping after this step; the same signal again stops at once\n")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == self.last_step or is_accumulating(trainer):
            return  # gradients are being accumulated, and a checkpoint does not contain them
        if is_validation_due(trainer):
            return  # on_validation_end saves after this step
        if is_end_of_epoch(trainer):
            return  # on_train_epoch_start saves, after everything that runs at the end of an epoch
        self.save_if_due(trainer)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.global_step != self.last_step:
            self.save_if_due(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        self.update_best(trainer)
        if not is_accumulating(trainer):
            self.save_if_due(trainer)

    def save_if_due(self, trainer: pl.Trainer) -> None:
        """Save a checkpoint if one is due, and stop if a signal was received; all ranks do the same."""
        due_by_step = self.every_n_steps is not None and trainer.global_step // self.every_n_steps > (
            self.last_step // self.every_n_steps
        )
        self.last_step = trainer.global_step
        stop = self.received_signal is not None
        if trainer.world_size > 1:
            stop = trainer.strategy.reduce_boolean_decision(stop, all=False)
        due_by_time = time.monotonic() - self.last_save_time > self.interval_seconds
        due = trainer.strategy.broadcast(due_by_step or due_by_time)
        if stop or due:
            self.save(trainer)
        if stop:
            number = self.received_signal or signal.SIGTERM
            if not trainer.is_global_zero:
                raise SystemExit(0)  # only rank 0 exits with the signal's status
            print(f"stopped after step {trainer.global_step:,}; --resume continues from {self.last_path}", flush=True)
            raise SystemExit(128 + number)

    def save(self, trainer: pl.Trainer) -> None:
        trainer.save_checkpoint(self.last_path)
        self.last_save_time = time.monotonic()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.save(trainer)
        self.restore_signal_handlers()
        if trainer.is_global_zero and not (self.folder / "best.ckpt").exists():
            link_or_copy(self.last_path, self.folder / "best.ckpt")

    def update_best(self, trainer: pl.Trainer) -> None:
        """Link best.ckpt to the best checkpoint so far."""
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, ModelCheckpoint) and callback.best_model_path and trainer.is_global_zero:
                link_or_copy(Path(callback.best_model_path), self.folder / "best.ckpt")


def describe_last_checkpoint(folder: Path) -> str:
    """Return, as the end of an error message, which checkpoint of a folder is intact and how to continue from it."""
    if (last := folder / "last.ckpt").exists():
        return f"the last good checkpoint is {last}; continue from it with --resume"
    if (best := folder / "best.ckpt").exists():
        return f"the only good checkpoint is {best}; start from its weights with --init-from"
    return "there is no checkpoint yet"


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a file to a second name, or copy it where the file system has no links."""
    with atomic_write(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)


def drop_missing_files(folder: str, state: dict[str, Any], *, higher_is_better: bool) -> dict[str, Any]:
    """Return the state of a ModelCheckpoint without the files that are not in a folder or its subfolders.

    Args:
        folder: The folder, without symbolic links in its path.
        state: The callback's state.
        higher_is_better: Whether the highest score is the best one.
    """

    def exists_in_folder(path: str) -> bool:
        return os.path.isfile(path) and Path(folder) in Path(os.path.realpath(path)).parents

    scores = {path: score for path, score in state["best_k_models"].items() if exists_in_folder(path)}
    ranked = sorted(scores, key=scores.__getitem__, reverse=higher_is_better)
    best = state["best_model_path"]
    if not exists_in_folder(best):
        best = ranked[0] if ranked else ""
    worst = ranked[-1] if ranked else ""
    return {
        **state,
        "dirpath": folder,
        "best_k_models": scores,
        "best_model_path": best,
        "best_model_score": scores.get(best),
        "kth_best_model_path": worst,
        "kth_value": scores.get(worst, state["kth_value"]),
        "last_model_path": state["last_model_path"] if exists_in_folder(state["last_model_path"]) else "",
    }


def relocate_paths(value: Any, old: str, new: str) -> Any:
    """Return a nested value with every path under the folder `old` moved to the folder `new`."""
    if isinstance(value, dict):
        return {relocate_paths(key, old, new): relocate_paths(part, old, new) for key, part in value.items()}
    return new + value.removeprefix(old) if isinstance(value, str) and value.startswith(old) else value
