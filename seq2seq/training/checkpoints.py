"""Checkpoints that are whole or absent, and from which a stopped training goes on as if it had not been stopped."""

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

from seq2seq import checkpoint as stored
from seq2seq.errors import UserError
from seq2seq.ranges import Count, NonNegative, checked
from seq2seq.storage import atomic_write, path_inside


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside its place and moves it there, so that kill -9 loses nothing; reads only whole ones."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any | None = None
    ) -> None:
        try:
            stored.save(checkpoint, path)
        except UserError as error:
            raise UserError(f"{error}; {last_good(Path(path).parent)}") from error

    def load_checkpoint(
        self, path: str | os.PathLike[str], map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        return stored.load(path, mapped=False)  # training goes on in what is read, and replaces the file


class ResumeCheckpoint(Checkpoint):
    """Keeps last.ckpt, from which `--resume` goes on, and best.ckpt beside it.

    SIGINT and SIGTERM let the step finish, write last.ckpt and end the process with status 130 or 143. A checkpoint is
    only written after a whole optimiser step, and not between a step and the validation that is due after it.

    Args:
        folder: Where the checkpoints are.
        minutes: Minutes between two of them.
        every_n_steps: Steps between two of them, beside those every few minutes.
    """

    @checked
    def __init__(self, folder: Path, minutes: NonNegative = 5.0, every_n_steps: Count | None = None) -> None:
        self.folder = folder
        self.seconds = 60 * minutes
        self.every_n_steps = every_n_steps
        self.written = time.monotonic()
        self.received: int | None = None
        self.handlers: dict[int, Any] = {}
        self.step = 0
        self.measured: dict[str, Any] = {}  # last before it was stopped
        self.process = 0  # whose signals are answered, unlike those that its workers receive

    @property
    def last(self) -> Path:
        return self.folder / "last.ckpt"

    def state_dict(self) -> dict[str, Any]:
        return {"folder": os.path.realpath(self.folder)}

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep what was measured last, which schedules and callbacks still wait for, and count no epoch too early."""
        checkpoint["metrics"] = {name: value.cpu() for name, value in sorted(trainer.callback_metrics.items())}
        epochs = checkpoint["loops"]["fit_loop"]["epoch_progress"]
        for count in (epochs["total"], epochs["current"]):
            count["ready"] = count["started"]

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Let the others find the checkpoints that are in this run's folder, although the run was moved.

        What they kept and is not there, as in a new run that goes on from another's checkpoint, they forget.
        """
        states = checkpoint["callbacks"]
        old, new = states.get(self.state_key, {}).get("folder"), os.path.realpath(self.folder)
        for callback in trainer.checkpoint_callbacks:
            state = states.get(callback.state_key)
            if isinstance(callback, ModelCheckpoint) and state is not None:
                if old is not None and state["dirpath"] == old:
                    state = renamed(state, old, new)
                states[callback.state_key] = of_files_in(new, state, highest=callback.mode == "max")
        self.measured = checkpoint.get("metrics", {})

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.written = time.monotonic()
        self.step = trainer.global_step
        count_epochs_on(trainer.fit_loop)
        trainer.callback_metrics.update(self.measured)
        if trainer.is_global_zero:
            self.process = os.getpid()
        if trainer.received_sigterm:  # Lightning listens a moment earlier, and would end without a checkpoint
            self.received = signal.SIGTERM
            trainer._signal_connector.received_sigterm = False
        for number in (signal.SIGINT, signal.SIGTERM):
            self.handlers[number] = signal.signal(number, self.receive)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        # the step of what is logged; Lightning counts one too many after a checkpoint from the end of a training
        trainer.fit_loop.epoch_loop._batches_that_stepped = trainer.global_step

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self.stop_listening()

    def stop_listening(self) -> None:
        """Answer signals as before; Lightning, which listened before, does the same a moment later."""
        while self.handlers:
            signal.signal(*self.handlers.popitem())

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Remember the signal until the step is over; the same one again ends at once."""
        if self.received == number:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.received = number
        if os.getpid() == self.process:
            os.write(2, b"stopping after this step; the same signal again stops at once\n")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loop = trainer.fit_loop.epoch_loop
        fetcher = trainer.fit_loop._data_fetcher
        if trainer.global_step == self.step or loop._should_accumulate():
            return  # in the middle of an optimiser step, whose gradients no checkpoint holds
        if fetcher is not None and loop._should_check_val_fx(fetcher):
            return  # on_validation_end takes this turn
        if loop._num_ready_batches_reached():
            return  # what is due at the end of an epoch comes first
        self.take_turn(trainer)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.global_step != self.step:
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
            if not trainer.is_global_zero:
                raise SystemExit(0)  # the status of the first process is that of all
            print(f"stopped after step {trainer.global_step:,}; --resume goes on from {self.last}", flush=True)
            raise SystemExit(128 + number)

    def save(self, trainer: pl.Trainer) -> None:
        trainer.save_checkpoint(self.last)
        self.written = time.monotonic()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.save(trainer)
        self.stop_listening()
        if trainer.is_global_zero and not (self.folder / "best.ckpt").exists():
            place(self.last, self.folder / "best.ckpt")

    def keep_best(self, trainer: pl.Trainer) -> None:
        """Let best.ckpt name the best checkpoint so far."""
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, ModelCheckpoint) and callback.best_model_path and trainer.is_global_zero:
                place(Path(callback.best_model_path), self.folder / "best.ckpt")


def count_epochs_on(loop: Any) -> None:
    """Let Lightning's loop, which was restored, go on as if the training had not stopped.

    By itself it goes on after the end of an epoch as if it were within one, counts the epoch in which a training ended
    as a whole one, and leaves out what is due at the end of the first epoch.
    """
    epochs, batches = loop.epoch_progress, loop.epoch_loop.batch_progress
    if 0 < epochs.total.processed == epochs.total.started:
        if batches.is_last_batch or batches.current.ready >= loop.max_batches:
            loop.reset_restart_stage()
            loop.epoch_loop.reset_restart_stage()
            loop.epoch_loop.restarting = False
        else:
            for count in (epochs.total, epochs.current):
                count.processed -= 1
                count.completed = count.processed
            loop.update_restart_stage()
    loop._restarting = False  # of this loop alone: the one within still goes on in the middle of an epoch


def last_good(folder: Path) -> str:
    """Return which checkpoint of a folder is left when nothing more can be written, and what can be done with it."""
    if (last := folder / "last.ckpt").exists():
        return f"the last good checkpoint is {last}, from which --resume goes on"
    if (best := folder / "best.ckpt").exists():
        return f"the only good checkpoint is {best}, from whose weights --init-from starts"
    return "there is no checkpoint yet"


def check_naming(options: Any, folder: Path) -> None:
    """Raise a UserError for options of Lightning's callback that lead out of a run, or to our own two checkpoints.

    Args:
        options: `dirpath`, `filename` and `save_last`.
        folder: The folder of all runs, for the error.
    """
    if options.dirpath is not None:
        raise UserError(f"checkpoint.dirpath is the folder of the run: --runs and --name place it, now in {folder}")
    if options.save_last:
        raise UserError("checkpoint.save_last is not needed: every run keeps last.ckpt, and --keep says how often")
    if options.filename is not None:
        path_inside(folder, options.filename, "checkpoint.filename", nested=True)
        if Path(options.filename).name in ("best", "last"):
            raise UserError(f"checkpoint.filename must be another one than {options.filename}, which every run keeps")


def place(checkpoint: Path, name: Path) -> None:
    """Give a checkpoint a second name without a second copy, where the file system can."""
    with atomic_write(name) as temporary:
        try:
            os.link(checkpoint, temporary)
        except OSError:
            shutil.copyfile(checkpoint, temporary)


def of_files_in(folder: str, state: dict[str, Any], *, highest: bool) -> dict[str, Any]:
    """Return the state of a ModelCheckpoint as if it had never kept a file that is not in a folder, however deep.

    Args:
        folder: Without links in its path.
        state: As the callback gives it.
        highest: Whether the highest score is best.
    """

    def is_there(path: str) -> bool:
        return os.path.isfile(path) and Path(folder) in Path(os.path.realpath(path)).parents

    kept = {path: score for path, score in state["best_k_models"].items() if is_there(path)}
    ranked = sorted(kept, key=kept.__getitem__, reverse=highest)
    best = state["best_model_path"]
    if not is_there(best):
        best = ranked[0] if ranked else ""
    worst = ranked[-1] if ranked else ""
    return {
        **state,
        "dirpath": folder,
        "best_k_models": kept,
        "best_model_path": best,
        "best_model_score": kept.get(best),
        "kth_best_model_path": worst,
        "kth_value": kept.get(worst, state["kth_value"]),
        "last_model_path": state["last_model_path"] if is_there(state["last_model_path"]) else "",
    }


def renamed(value: Any, old: str, new: str) -> Any:
    """The same with every path under one folder as one under another."""
    if isinstance(value, dict):
        return {renamed(key, old, new): renamed(part, old, new) for key, part in value.items()}
    return new + value.removeprefix(old) if isinstance(value, str) and value.startswith(old) else value
