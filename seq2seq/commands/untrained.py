"""What a configuration says and makes, without any training."""

import warnings
from typing import Any

import pytorch_lightning as pl
import yaml

from seq2seq.commands.experiment import Experiment, quiet


class Description(Experiment):
    """A configuration that is read, and nothing is made of it."""

    def before_instantiate_classes(self) -> None:
        """There is no run and no checkpoint."""

    def instantiate_classes(self) -> None:
        """Nothing is made."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Nothing is trained."""


class Blueprint(Experiment):
    """What a training would start with, made without a run."""

    def choose_run(self) -> None:
        """There is none."""

    def instantiate_trainer(self, **_: Any) -> pl.Trainer:
        return pl.Trainer(accelerator="cpu", devices=1, logger=False, enable_checkpointing=False)

    def fit(self, *_: Any, **__: Any) -> None:
        """Nothing is trained."""


def described(configs: list[str], options: list[str]) -> dict[str, Any]:
    """A configuration as `fit` reads it, with every default in it."""
    given = [part for config in configs for part in ("--config", config)]
    quiet()
    return dict(yaml.safe_load(Description(["fit", *given, *options]).configuration()))


def blueprint(config: str, seed: int) -> Blueprint:
    """The experiment of a configuration, whose `model` and `datamodule` are made and untouched."""
    with warnings.catch_warnings():
        quiet()
        return Blueprint(["fit", "--config", config, "--seed_everything", str(seed)])
