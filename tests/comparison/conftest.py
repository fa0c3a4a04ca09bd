"""Configurations of comparisons, complete as the command reads them."""

from pathlib import Path
from typing import Any

import pytest
from experiments import LANGUAGE, TRANSLATION, write_config, write_corpus

from seq2seq.commands.untrained import described


@pytest.fixture(scope="session")
def compared_texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("compared-texts"))


@pytest.fixture(scope="session")
def language(compared_texts: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("language-config")
    return described([str(write_config(folder, LANGUAGE, compared_texts))], ["--model.size=64"])


@pytest.fixture(scope="session")
def translation(compared_texts: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("translation-config")
    return described([str(write_config(folder, TRANSLATION, compared_texts))], ["--model.size=64"])
