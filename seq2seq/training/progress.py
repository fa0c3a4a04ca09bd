"""What a training says while it runs."""

import math
import time
from typing import Any

import pytorch_lightning as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from seq2seq.training.throughput import due


class ProgressLine(pl.Callback):
    """A bar over the whole training on a terminal, and a line at each validation everywhere."""

    def __init__(self) -> None:
        self.bar: Progress | None = None
        self.task = TaskID(0)
        self.began = 0.0
        self.first = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.began, self.first = time.monotonic(), trainer.global_step
        if not trainer.is_global_zero:
            return
        weights = sum(p.numel() for p in pl_module.parameters())
        print(f"{type(pl_module).__name__} of {weights:,} weights; {goal(trainer):,.0f} steps", flush=True)
        console = Console()
        if console.is_terminal:
            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
            total = goal(trainer) if math.isfinite(goal(trainer)) else None
            self.bar = Progress(*columns, console=console, transient=True)
            self.task = self.bar.add_task("", total=total, completed=trainer.global_step)
            self.bar.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.bar is not None:
            self.bar.update(self.task, completed=trainer.global_step)
            if due(trainer):  # a GPU is waited for to say its loss
                self.bar.update(self.task, description=said(trainer, "train_loss", "val_bleu"))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero or trainer.sanity_checking or trainer.state.fn != "fit":
            return
        spent = time.monotonic() - self.began
        done = trainer.global_step - self.first
        left = spent / done * (goal(trainer) - trainer.global_step) if done else math.nan
        numbers = said(trainer, "train_loss", "val_loss", "val_bleu", "tokens_per_second")
        clock = f"{minutes(spent)} gone, about {minutes(left)} left" if done else ""
        print(f"step {trainer.global_step:,} of {goal(trainer):,.0f}  {numbers}  {clock}", flush=True)

    def stop(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self.stop()


def goal(trainer: pl.Trainer) -> float:
    """Steps of the whole training, which may have no end."""
    return trainer.estimated_stepping_batches


def said(trainer: pl.Trainer, *names: str) -> str:
    """Numbers of the log for people; a loss in nats a token has its perplexity beside it."""
    words = []
    for name in names:
        if name not in trainer.callback_metrics:
            continue
        value = float(trainer.callback_metrics[name])
        match name:
            case "val_bleu":
                words.append(f"BLEU {value:.1f}")
            case "tokens_per_second":
                words.append(f"{value:,.0f} tokens/s")
            case _:
                words.append(f"{name.replace('_', ' ')} {value:.3f} (perplexity {math.exp(min(value, 99)):.3g})")
    return "  ".join(words)


def minutes(seconds: float) -> str:
    return "?" if not math.isfinite(seconds) else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
