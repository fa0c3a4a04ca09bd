"""Tests of the corpus recorded in a checkpoint."""

import math
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import Runs

from seq2seq import checkpoint
from seq2seq.__main__ import main
from seq2seq.checkpoint import find_checkpoint
from seq2seq.data.language_text import HeldOut
from seq2seq.data.vocabulary import find_data_state
from seq2seq.errors import UserError
from seq2seq.tasks.trained_corpus import trained_corpus

DESCRIPTION = {"corpus": "here", "subset": None, "column": "text", "held_out": 0.1}


def test_corpus_of_the_training_can_be_replaced() -> None:
    assert trained_corpus(DESCRIPTION, None, "column", held_out=HeldOut) == ("here", None, "text", 0.1)
    assert trained_corpus(DESCRIPTION, "there", "column", held_out=HeldOut) == ("there", None, "text", 0.1)
    in_a_subset = DESCRIPTION | {"subset": "news"}
    assert trained_corpus(in_a_subset, None, "column", held_out=HeldOut) == ("here", "news", "text", 0.1)
    assert trained_corpus(in_a_subset, "there", "column", held_out=HeldOut) == ("there", None, "text", 0.1)


@pytest.mark.parametrize(
    "change", [{"corpus": 1}, {"subset": 0.5}, {"column": None}, {"held_out": "x"}, {"held_out": True}]
)
def test_incomplete_description_is_an_error(change: dict[str, Any]) -> None:
    (name,) = change
    with pytest.raises(UserError, match=f"does not record the {name} "):
        trained_corpus(DESCRIPTION | change, None, "column", held_out=HeldOut)
    with pytest.raises(UserError, match="does not record the source "):
        trained_corpus(DESCRIPTION, "there", "source", held_out=HeldOut)


@pytest.mark.parametrize("kind", ["language", "translator"])
@pytest.mark.parametrize("held_out", [7, 1.0, -1.0, math.nan, 2**70])
def test_held_out_share_of_a_checkpoint_has_a_range(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, held_out: float
) -> None:
    contents = checkpoint.load(find_checkpoint(getattr(runs, kind)))
    find_data_state(contents)["corpus"]["held_out"] = held_out
    path = str(tmp_path / "forged.ckpt")
    checkpoint.save(contents, path)
    for command in (["evaluate", path], *([["shortlist", path, "--output", "s"]] if kind == "translator" else [])):
        assert main(command) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("seq2seq: the checkpoint does not record a valid corpus of its training: ")
        assert " 0 and below 1, and " in captured.err
        assert captured.err.count("\n") == 1


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
