"""Tests of `seq2seq shortlist` and `seq2seq translate --shortlist`."""

from pathlib import Path

import pytest
from tiny_runs import TRANSLATOR, Runs, fit, reverse_words, shell, write_corpus

from seq2seq.__main__ import main
from seq2seq.inference.shortlist import Shortlist
from seq2seq.tasks import load_translation

LINES = ["one two", "six", "", "three four five one", "   ", "日本語", "one one"]


@pytest.fixture
def learned(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = tmp_path / "list"
    assert main(["shortlist", str(runs.translator), "--output", str(path), "--frequent", "0", "--likely", "2"]) == 0
    output = capsys.readouterr().out
    assert output.count("\n") == 1
    assert "300 pairs; it covers 100.00% of the validation targets" in output
    return path


def test_output_has_as_many_lines_as_the_input(
    runs: Runs, learned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source.txt"
    source.write_text("".join(line + "\n" for line in LINES), encoding="utf-8")
    for options in ([], ["--beams", "1"], ["--precision", "int8"], ["--batch-tokens", "1"]):
        arguments = ["translate", str(runs.translator), "--shortlist", str(learned), "--input", str(source), *options]
        assert main(arguments) == 0
        output = capsys.readouterr().out.split("\n")
        assert len(output) == len(LINES) + 1
        assert output[:3] == [reverse_words(line) for line in LINES[:3]]


def test_python_gives_the_same_translations(runs: Runs, learned: Path) -> None:
    translation = load_translation(runs.translator)
    translation.shortlist = Shortlist.load(learned, translation.vocabularies)
    done = shell("translate", runs.translator, "--shortlist", learned, stdin="\n".join(LINES).encode())
    assert done.stdout.decode().split("\n")[:-1] == translation(LINES)


def test_another_corpus_can_be_used(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for side in ("a", "b"):
        (tmp_path / f"train.{side}").write_text("one two\nsix\n", encoding="utf-8")
    arguments = ["shortlist", str(runs.translator), "--output", str(tmp_path / "list"), "--corpus", str(tmp_path)]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'list'} was learned from 2 pairs\n"


def error_message(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must fail, and return its one-line error message."""
    capsys.readouterr()
    assert main(list(arguments)) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err.removeprefix("seq2seq: ").removesuffix("\n")


def test_errors_are_one_line(runs: Runs, learned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_corpus(tmp_path / "corpus")
    small = TRANSLATOR.replace("tokenizer: Words", "tokenizer: Characters").replace("120", "1").replace("40", "1")
    other = fit(tmp_path, "other", small)
    result = error_message(capsys, "translate", str(other), "--shortlist", str(learned))
    assert result == f"{learned} is the shortlist of a model with other vocabularies"
    assert "nowhere" in error_message(capsys, "translate", str(runs.translator), "--shortlist", "nowhere")
    model = str(runs.translator / "checkpoints" / "best.ckpt")
    assert "is not a shortlist" in error_message(capsys, "translate", str(runs.translator), "--shortlist", model)
    assert "is a folder" in error_message(capsys, "shortlist", str(runs.translator), "--output", str(tmp_path))
    output = str(tmp_path / "x")
    assert "is a language model" in error_message(capsys, "shortlist", str(runs.language), "--output", output)
    assert "at least 0" in error_message(
        capsys, "shortlist", str(runs.translator), "--output", output, "--likely", "-1"
    )
    assert not Path(output).exists()


def test_shortlist_is_not_wider_than_its_longest_row(runs: Runs, tmp_path: Path) -> None:
    path = tmp_path / "list"
    counts = ["--frequent", "2147483647", "--likely", "2147483647"]
    assert main(["shortlist", str(runs.translator), "--output", str(path), *counts]) == 0
    vocabularies = load_translation(runs.translator).vocabularies
    learned = Shortlist.load(path, vocabularies)
    assert learned.likely.shape[1] <= vocabularies.target.vocab_size
