"""Training for a few steps, without checkpoints, validation or a word about it."""

import logging
from typing import Any

import pytorch_lightning as pl

from benchmarks.clock import Clock
from seq2seq.training.allocator import keep_freed_memory

logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)

PRECISIONS = {"float32": "32-true", "bf16": "bf16-mixed"}  # as Lightning calls them


def fit(
    model: Any,
    loader: Any,
    steps: int,
    warm: int = 2,
    precision: str = "float32",
    device: str = "cpu",
    **options: Any,
) -> float:
    """Seconds of so many steps, after some that nobody times, with memory kept as `seq2seq fit` keeps it."""
    keep_freed_memory()
    clock = Clock(warm, steps, device)
    trainer(warm + steps, precision, device, callbacks=[*options.pop("callbacks", []), clock], **options).fit(
        model, loader
    )
    return clock.seconds


def trainer(steps: int, precision: str = "float32", device: str = "cpu", **options: Any) -> pl.Trainer:
    quiet = {
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "logger": False,
    }
    return pl.Trainer(
        max_steps=steps,
        accelerator="gpu" if device == "cuda" else "cpu",
        devices=1,
        precision=PRECISIONS[precision],
        limit_val_batches=0,
        **(quiet | options),
    )
