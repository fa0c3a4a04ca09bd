"""Two trainings that several tests look at."""

from pathlib import Path
from typing import NamedTuple

import pytest
from experiments import LANGUAGE, TRANSLATION, Told, seq2seq, write_config, write_corpus


class Trained(NamedTuple):
    folder: Path
    config: Path
    told: Told


def train(folder: Path, text: str, corpus: Path, *options: str) -> Trained:
    config = write_config(folder, text, corpus)
    told = seq2seq("fit", "--config", config, "--runs", folder, "--name", "run", *options)
    assert told.status == 0, told.err
    return Trained(folder / "run" / "1", config, told)


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="session")
def writer(tmp_path_factory: pytest.TempPathFactory, texts: Path) -> Trained:
    """A language model that keeps three checkpoints, those with the highest loss."""
    keep = ("--checkpoint.save_top_k", "3", "--checkpoint.mode", "max", "--trainer.val_check_interval", "1")
    return train(tmp_path_factory.mktemp("writer"), LANGUAGE, texts, *keep)


@pytest.fixture(scope="session")
def translator(tmp_path_factory: pytest.TempPathFactory, texts: Path) -> Trained:
    return train(tmp_path_factory.mktemp("translator"), TRANSLATION, texts)
