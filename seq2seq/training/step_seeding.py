"""Chance that a run which was stopped and one which was not have in common."""

from hashlib import blake2b
from typing import Any

import pytorch_lightning as pl
import torch

from seq2seq.ranges import Seed, checked


class StepSeeding(pl.Callback):
    """Draws dropout of each training batch from (seed, batch, rank), so that a checkpoint needs no random state.

    Args:
        seed: Where all chance of this training comes from.
    """

    @checked
    def __init__(self, seed: Seed) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        batches = trainer.fit_loop.epoch_loop.total_batch_idx
        torch.manual_seed(mixed(self.seed, batches, trainer.global_rank))


def mixed(*numbers: int) -> int:
    """One seed of several numbers, unlike that of any others."""
    return int.from_bytes(blake2b(repr(numbers).encode(), digest_size=7).digest(), "big")
