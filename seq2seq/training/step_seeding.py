"""A random seed for each training batch, so that a resumed run draws the same numbers as an uninterrupted one."""

from hashlib import blake2b
from typing import Any

import pytorch_lightning as pl
import torch

from seq2seq.ranges import Seed, checked


class StepSeeding(pl.Callback):
    """Callback that seeds torch for each training batch from (seed, batch, rank); checkpoints need no random state.

    Args:
        seed: The random seed of this training.
    """

    @checked
    def __init__(self, seed: Seed) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        batches = trainer.fit_loop.epoch_loop.total_batch_idx
        torch.manual_seed(derive_seed(self.seed, batches, trainer.global_rank))


def derive_seed(*numbers: int) -> int:
    """Return a 56-bit seed that is a hash of several integers."""
    return int.from_bytes(blake2b(repr(numbers).encode(), digest_size=7).digest(), "big")
