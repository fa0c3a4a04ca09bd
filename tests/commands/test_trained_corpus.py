"""Laws of the corpus that a checkpoint names."""

from pathlib import Path
from typing import Any

import pytest
from tiny_runs import Runs

from seq2seq import checkpoint
from seq2seq.__main__ import main
from seq2seq.checkpoint import find
from seq2seq.commands.trained_corpus import trained_corpus
from seq2seq.errors import UserError

HELD = {"corpus": "here", "subset": None, "column": "text", "held_out": 0.1}


def test_a_corpus_is_the_one_of_the_training_or_another_one() -> None:
    assert trained_corpus(HELD, None, "held_out", "column") == ("here", None, 0.1, "text")
    assert trained_corpus(HELD, "there", "column") == ("there", None, "text")


@pytest.mark.parametrize("change", [{"corpus": 1}, {"subset": 0.5}, {"column": None}, {"held_out": "x"}])
def test_what_is_no_description_is_refused(change: dict[str, Any]) -> None:
    (name,) = change
    with pytest.raises(UserError, match=f"does not say the {name} "):
        trained_corpus(HELD | change, None, "column", "held_out")
    with pytest.raises(UserError, match="does not say the source "):
        trained_corpus(HELD, "there", "source")


@pytest.mark.parametrize("kind", ["language", "translator"])
def test_a_checkpoint_that_names_none_is_scored_on_files(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    held = checkpoint.load(find(getattr(runs, kind)))
    held["LanguageData" if kind == "language" else "TranslationData"]["corpus"] = {}
    checkpoint.save(held, tmp_path / "no-corpus.ckpt")
    path, text = str(tmp_path / "no-corpus.ckpt"), str(runs.corpus / "test.a")
    commands = [["evaluate", path]]
    commands += [["inspect", "gradients", path]] if kind == "language" else [["shortlist", path, "--output", "s"]]
    for command in commands:
        assert main(command) == 1
        assert capsys.readouterr().err == (
            "seq2seq: the checkpoint does not say the corpus that it was trained with, so name files instead\n"
        )
    files = ["--text", text] if kind == "language" else ["--source", text, "--reference", str(runs.corpus / "test.b")]
    assert main(["evaluate", path, *files]) == 0
