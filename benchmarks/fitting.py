"""Train for a few steps without checkpoints, validation or logging."""

import logging
from typing import Any

import pytorch_lightning as pl

from benchmarks.clock import Clock

logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)

PRECISIONS = {"float32": "32-true", "bf16": "bf16-mixed"}  # names of Lightning


def fit(
    model: Any,
    loader: Any,
    steps: int,
    warm_up: int = 2,
    precision: str = "float32",
    device: str = "cpu",
    **options: Any,
) -> float:
    """Return the seconds of `steps` steps after `warm_up` untimed ones."""
    clock = Clock(warm_up, steps, device)
    make_trainer(warm_up + steps, precision, device, callbacks=[*options.pop("callbacks", []), clock], **options).fit(
        model, loader
    )
    return clock.seconds


def make_trainer(steps: int, precision: str = "float32", device: str = "cpu", **options: Any) -> pl.Trainer:
    defaults = {
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
        **(defaults | options),
    )
