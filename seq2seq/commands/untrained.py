"""The options and the untrained model of a configuration."""

import warnings
from typing import Any

import pytorch_lightning as pl
import yaml

from seq2seq.class_paths import import_trusted
from seq2seq.commands.experiment import Experiment, silence_lightning


class ConfigurationOnly(Experiment):
    """Parses a configuration without building or training anything."""

    def before_instantiate_classes(self) -> None:
        """Choose no run and no checkpoint."""
        import_trusted(self.options.trust or ())

    def instantiate_classes(self) -> None:
        """Build nothing."""

    def run_command(self) -> None:
        """Train nothing."""


class UntrainedExperiment(Experiment):
    """Builds the model and the data of a configuration without a run and without training."""

    def choose_run(self) -> None:
        """Choose no run."""

    def instantiate_trainer(self, **_: Any) -> pl.Trainer:
        return pl.Trainer(accelerator="cpu", devices=1, logger=False, enable_checkpointing=False)

    def fit(self, *_: Any, **__: Any) -> None:
        """Train nothing."""


def resolve_configuration(configs: list[str], options: list[str]) -> dict[str, Any]:
    """Return a configuration as `fit` reads it, with all defaults."""
    arguments = [word for config in configs for word in ("--config", config)]
    silence_lightning()
    return dict(yaml.safe_load(ConfigurationOnly(["fit", *arguments, *options]).config_yaml()))


def build_untrained(config: str, seed: int, trust: str | None = None) -> UntrainedExperiment:
    """Return the experiment of a configuration, with an untrained `model` and its `datamodule`.

    Args:
        config: The configuration.
        seed: Random seed of the weights.
        trust: Modules that may be imported if a tokenizer's file names their classes, separated by commas.
    """
    with warnings.catch_warnings():
        silence_lightning()
        options = ["--seed_everything", str(seed), *(["--trust", trust] if trust else [])]
        return UntrainedExperiment(["fit", "--config", config, *options])
