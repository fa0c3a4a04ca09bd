"""A progress bar and one line of metrics for each validation."""

import math
import time
from typing import Any

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from seq2seq.training.lightning_internals import is_logging_step
from seq2seq.training.validation_metrics import TRANSLATION_METRICS


class ProgressLine(pl.Callback):
    """Callback that shows a progress bar on a terminal and prints a line of metrics at each validation."""

    def __init__(self) -> None:
        self.bar: Progress | None = None
        self.task = TaskID(0)
        self.start_time = 0.0
        self.first_step = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.start_time, self.first_step = time.monotonic(), trainer.global_step
        if not trainer.is_global_zero:
            return
        weights = sum(p.numel() for p in pl_module.parameters())
        print(f"{type(pl_module).__name__} of {weights:,} weights; {total_steps(trainer):,.0f} steps", flush=True)
        console = Console()
        if console.is_terminal:
            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
            total = total_steps(trainer) if math.isfinite(total_steps(trainer)) else None
            self.bar = Progress(*columns, console=console, transient=True)
            self.task = self.bar.add_task("", total=total, completed=trainer.global_step)
            self.bar.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.bar is not None:
            self.bar.update(self.task, completed=trainer.global_step)
            if is_logging_step(trainer):  # reading the loss waits for the GPU
                self.bar.update(self.task, description=format_metrics(trainer, "train_loss", *TRANSLATION_METRICS))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero or trainer.sanity_checking or trainer.state.fn != "fit":
            return
        elapsed = time.monotonic() - self.start_time
        done = trainer.global_step - self.first_step
        remaining = elapsed / done * (total_steps(trainer) - trainer.global_step) if done else math.nan
        metrics = format_metrics(trainer, "train_loss", "val_loss", *TRANSLATION_METRICS, "tokens_per_second")
        timing = f"{format_minutes(elapsed)} gone, about {format_minutes(remaining)} left" if done else ""
        print(f"step {trainer.global_step:,} of {total_steps(trainer):,.0f}  {metrics}  {timing}", flush=True)

    def stop(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self.stop()


def total_steps(trainer: pl.Trainer) -> float:
    """Return the number of optimizer steps of the whole training; infinite if it has no limit."""
    return trainer.estimated_stepping_batches


def format_metrics(trainer: pl.Trainer, *names: str) -> str:
    """Return logged metrics as text; a loss in nats per token is followed by its perplexity."""
    parts = []
    for name in names:
        if name not in trainer.callback_metrics:
            continue
        value = float(trainer.callback_metrics[name])
        match name:
            case _ if metric := TRANSLATION_METRICS.get(name):
                parts.append(f"{metric.unit} {value:.1f}")
            case "tokens_per_second":
                parts.append(f"{value:,.0f} tokens/s")
            case _:
                parts.append(f"{name.replace('_', ' ')} {value:.3f} (perplexity {math.exp(min(value, 99)):.3g})")
    return "  ".join(parts)


def format_minutes(seconds: float) -> str:
    """Return a duration as minutes:seconds."""
    return "?" if not math.isfinite(seconds) else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
