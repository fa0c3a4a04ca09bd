"""Every configuration has a description, builds a model and trains it."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from experiments import checkpoint, seq2seq

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs").glob("*/*.yaml"))
COMMON = ("--model.size", "16", "--trainer.max_steps", "1", "--trainer.val_check_interval", "1")


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small versions of the included corpora."""
    folder = tmp_path_factory.mktemp("corpora")
    for name, size in (("phrasebook", ("--pairs", "200")), ("library", ("--size", "0.3"))):
        program = [sys.executable, str(ROOT / "data" / name), "--out", str(folder / name), *size]
        subprocess.run(program, check=True, capture_output=True)
    return folder


def corpus_like(config: Path, corpora: Path, folder: Path) -> Path:
    """Return the included corpus of a configuration, or for an external corpus an included one in its format."""
    data = yaml.safe_load(config.read_text(encoding="utf-8"))["data"]
    named = data["init_args"]["corpus"]
    if named.startswith("data/"):
        return corpora / Path(named).name
    if data["class_path"] == "LanguageData":
        return corpora / "library"
    for split in ("train", "val", "test"):
        for ours, theirs in zip(("en", "de"), (data["init_args"]["source"], data["init_args"]["target"]), strict=True):
            text = (corpora / "phrasebook" / f"{split}.{ours}").read_text(encoding="utf-8")
            (folder / f"{split}.{theirs}").write_text(text, encoding="utf-8")
    return folder


def test_both_tasks_have_configurations() -> None:
    assert {path.parent.name for path in CONFIGS} == {"language", "translation"}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_configuration_starts_with_a_description(config: Path) -> None:
    first = config.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# ")
    assert first.endswith(".")
    assert len(first) > 30
    assert config.stem.count("-") == 1  # corpus and layer


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_configuration_builds_and_trains(config: Path, corpora: Path, tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    corpus = corpus_like(config, corpora, tmp_path / "corpus")
    arguments = ("--config", config, "--runs", tmp_path, "--data.corpus", corpus, "--trainer.limit_val_batches", "1")
    result = seq2seq("fit", *arguments, "--trainer.accelerator", "cpu", *COMMON)
    assert result.status == 0, result.err
    assert "step 1 of 1" in result.out
    assert checkpoint(tmp_path / config.stem / "1")["global_step"] == 1
    assert checkpoint(tmp_path / config.stem / "1", "best")["global_step"] == 1
