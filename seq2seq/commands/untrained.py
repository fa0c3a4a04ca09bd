"""The model and the data of a configuration, without any training."""

import logging
import warnings
from typing import Any

import pytorch_lightning as pl

from seq2seq.commands.experiment import Experiment


class Blueprint(Experiment):
    """What a training would start with, made without a run."""

    def choose_run(self) -> None:
        """There is none."""

    def instantiate_trainer(self, **_: Any) -> pl.Trainer:
        return pl.Trainer(accelerator="cpu", devices=1, logger=False, enable_checkpointing=False)

    def fit(self, *_: Any, **__: Any) -> None:
        """Nothing is trained."""


def blueprint(config: str, seed: int) -> Blueprint:
    """The experiment of a configuration, whose `model` and `datamodule` are made and untouched."""
    names = ("pytorch_lightning", "lightning_fabric", "lightning")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            logging.getLogger(name).setLevel(logging.WARNING)
        return Blueprint(["fit", "--config", config, "--seed_everything", str(seed)])
