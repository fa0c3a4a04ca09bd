"""Two trained runs that several tests use."""

from pathlib import Path
from typing import NamedTuple

import pytest
from experiments import LANGUAGE, TRANSLATION, CommandResult, seq2seq, write_config, write_corpus


class Trained(NamedTuple):
    """A finished run: its folder, its configuration file and the output of `fit`."""

    folder: Path
    config: Path
    result: CommandResult


def train(folder: Path, text: str, corpus: Path, *options: str) -> Trained:
    config = write_config(folder, text, corpus)
    result = seq2seq("fit", "--config", config, "--runs", folder, "--name", "run", *options)
    assert result.status == 0, result.err
    return Trained(folder / "run" / "1", config, result)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def language_run(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Trained:
    """A language model with three best checkpoints, those with the highest loss."""
    options = ("--checkpoint.save_top_k", "3", "--checkpoint.mode", "max", "--trainer.val_check_interval", "1")
    return train(tmp_path_factory.mktemp("writer"), LANGUAGE, corpus, *options)


@pytest.fixture(scope="session")
def translation_run(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Trained:
    return train(tmp_path_factory.mktemp("translator"), TRANSLATION, corpus)
