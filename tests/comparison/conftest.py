"""Fixtures with complete configurations of comparisons."""

from pathlib import Path
from typing import Any

import pytest
from experiments import LANGUAGE, TRANSLATION, write_config, write_corpus

from seq2seq.commands.untrained import resolve_configuration


@pytest.fixture(scope="session")
def comparison_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("compared-texts"))


@pytest.fixture(scope="session")
def language_config(comparison_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("language-config")
    return resolve_configuration([str(write_config(folder, LANGUAGE, comparison_corpus))], ["--model.size=64"])


@pytest.fixture(scope="session")
def translation_config(comparison_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("translation-config")
    return resolve_configuration([str(write_config(folder, TRANSLATION, comparison_corpus))], ["--model.size=64"])
