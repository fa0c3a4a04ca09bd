"""Tests of the corpus recorded in a checkpoint."""

from pathlib import Path
from typing import Any

import pytest
from tiny_runs import Runs

from seq2seq import checkpoint
from seq2seq.__main__ import main
from seq2seq.checkpoint import find_checkpoint
from seq2seq.commands.trained_corpus import trained_corpus
from seq2seq.errors import UserError

DESCRIPTION = {"corpus": "here", "subset": None, "column": "text", "held_out": 0.1}


def test_corpus_of_the_training_can_be_replaced() -> None:
    assert trained_corpus(DESCRIPTION, None, "held_out", "column") == ("here", None, 0.1, "text")
    assert trained_corpus(DESCRIPTION, "there", "column") == ("there", None, "text")


@pytest.mark.parametrize("change", [{"corpus": 1}, {"subset": 0.5}, {"column": None}, {"held_out": "x"}])
def test_incomplete_description_is_an_error(change: dict[str, Any]) -> None:
    (name,) = change
    with pytest.raises(UserError, match=f"does not record the {name} "):
        trained_corpus(DESCRIPTION | change, None, "column", "held_out")
    with pytest.raises(UserError, match="does not record the source "):
        trained_corpus(DESCRIPTION, "there", "source")


@pytest.mark.parametrize("kind", ["language", "translator"])
def test_checkpoint_without_a_corpus_needs_files(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    contents = checkpoint.load(find_checkpoint(getattr(runs, kind)))
    contents["LanguageData" if kind == "language" else "TranslationData"]["corpus"] = {}
    checkpoint.save(contents, tmp_path / "no-corpus.ckpt")
    path, text = str(tmp_path / "no-corpus.ckpt"), str(runs.corpus / "test.a")
    commands = [["evaluate", path]]
    commands += [["inspect", "gradients", path]] if kind == "language" else [["shortlist", path, "--output", "s"]]
    for command in commands:
        assert main(command) == 1
        assert capsys.readouterr().err == (
            "seq2seq: the checkpoint does not record the corpus of its training: name files instead\n"
        )
    files = ["--text", text] if kind == "language" else ["--source", text, "--reference", str(runs.corpus / "test.b")]
    assert main(["evaluate", path, *files]) == 0
