"""Tests of `seq2seq score`."""

import io
import json
import re
from pathlib import Path

import pytest
from tiny_runs import Runs, reverse_words

from seq2seq.__main__ import main
from seq2seq.tasks import load_text_generator, load_translation

UNKNOWN = re.compile(r"[0-9,]+ of [0-9,]+ (\w+ )?tokens \([0-9.]+ %\) (is|are) not in the vocabulary .*")
TEXT = "one two\n\nfünf ✓✓ six\r\nthree\u2028 four\n  two "  # the check mark is unknown


def run_score(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert main(["score", *map(str, arguments)]) == 0
    captured = capsys.readouterr()
    assert all(UNKNOWN.fullmatch(line) for line in captured.err.splitlines())
    return captured.out


def by_line(output: str) -> list[tuple[float, str]]:
    rows = [row.split("\t", 1) for row in output.removesuffix("\n").split("\n")]
    return [(float(score), text) for score, text in rows]


def by_token(output: str) -> list[list[tuple[float, str]]]:
    blocks = output.split("\n\n")
    assert blocks.pop() == ""
    rows = [[row.split("\t", 1) for row in block.split("\n") if row] for block in blocks]
    return [[(float(score), json.loads(text)) for score, text in block] for block in rows]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode())
    return path


def test_every_line_follows_its_score(runs: Runs, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line is unchanged, even if some of its tokens are unknown."""
    rows = by_line(run_score(capsys, runs.language, "--text", text))
    assert [line for _, line in rows] == TEXT.split("\n")


def test_score_of_a_line_is_the_sum_over_its_tokens(runs: Runs, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = by_line(run_score(capsys, runs.language, "--text", text))
    blocks = by_token(run_score(capsys, runs.language, "--text", text, "--tokens"))
    for (score, line), tokens in zip(lines, blocks, strict=True):
        assert score == pytest.approx(sum(one for one, _ in tokens), abs=1e-4)
        assert "".join(piece for _, piece in tokens).rstrip("\n") == line.replace("✓", "<unk>").replace(
            "\u2028", "<unk>"
        ).replace("\r", "<unk>")


@pytest.mark.parametrize("options", [[], ["--tokens"]])
def test_sum_of_scores_equals_evaluate(runs: Runs, capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    for path in (runs.corpus / "text" / "test.txt", runs.corpus / "text" / "validation.txt"):
        rows = run_score(capsys, runs.language, "--text", path, *options)
        if options:
            total = sum(score for block in by_token(rows) for score, _ in block)
        else:
            total = sum(score for score, _ in by_line(rows))
        assert main(["evaluate", str(runs.language), "--text", str(path), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert -total == pytest.approx(found["nats_per_token"] * found["tokens"], abs=1e-3)
        assert -total == pytest.approx(found["nats_per_byte"] * found["bytes"], abs=1e-3)


def test_text_from_standard_input(
    runs: Runs, text: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for options in ([], ["--tokens"]):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
        assert run_score(capsys, runs.language, *options) == run_score(capsys, runs.language, "--text", text, *options)


def test_state_is_carried_across_lines(runs: Runs, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tokens = [
        token for block in by_token(run_score(capsys, runs.language, "--text", text, "--tokens")) for token in block
    ]
    expected = list(load_text_generator(runs.language).score(TEXT))
    assert [score for score, _ in tokens] == pytest.approx([-one.nats for one in expected], abs=1e-5)
    assert [piece for _, piece in tokens] == [one.text for one in expected]


def test_translator_scores_given_translations(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = ["one two three", "six", "", "four ✓"]
    targets = [*map(reverse_words, sources[:2]), "one", ""]
    for name, lines in (("s", sources), ("t", targets)):
        (tmp_path / name).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    files = (tmp_path / "s", "--target", tmp_path / "t")
    lines = by_line(run_score(capsys, runs.translator, "--source", *files))
    blocks = by_token(run_score(capsys, runs.translator, "--source", *files, "--tokens"))
    expected = list(load_translation(runs.translator).score(zip(sources, targets, strict=True)))
    assert [line for _, line in lines] == targets
    for (total, _), tokens, pieces in zip(lines, blocks, expected, strict=True):
        assert [piece for _, piece in tokens] == [piece for piece, _ in pieces]
        assert [score for score, _ in tokens] == pytest.approx([score for _, score in pieces], abs=1e-5)
        assert total == pytest.approx(sum(score for _, score in pieces), abs=1e-4)
    assert lines[0][0] > -1  # it was learned


def test_scores_are_written_to_a_file(
    runs: Runs, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_score(capsys, runs.language, "--text", text, "--output", tmp_path / "out") == ""
    assert (tmp_path / "out").read_bytes().decode() == run_score(capsys, runs.language, "--text", text)


def test_errors_are_one_line_on_standard_error(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad").write_bytes(b"one\ntw\xffo\n")
    (tmp_path / "one").write_bytes(b"one\n")
    (tmp_path / "two").write_bytes(b"one\ntwo\n")
    bad, one, two = (str(tmp_path / name) for name in ("bad", "one", "two"))
    wrong = (
        ([runs.language, "--source", one, "--target", one], "takes no --source"),
        ([runs.language, "--source", one], "a translator needs --source and --target"),
        ([runs.language, "--source", one, "--target", one, "--text", one], "takes no --text"),
        ([runs.translator, "--text", one], "a translator needs --source and --target"),
        ([runs.translator, "--source", one], "a translator needs --source and --target"),
        ([runs.translator, "--source", one, "--target", two], "has 1 lines and"),
        ([runs.language, "--text", bad], "line 2"),
        ([runs.language, "--text", "nowhere"], "there is no file nowhere"),
        (
            [runs.language, "--text", one, "--max-source-length", "9"],
            "--max-source-length does not apply to a language model",
        ),
        ([runs.language, runs.language], "only a translator can be in an ensemble"),
    )
    for arguments, message in wrong:
        assert main(["score", *map(str, arguments)]) == 1
        captured = capsys.readouterr()
        assert message in captured.err
        assert captured.err.count("\n") == 1


def test_unknown_tokens_of_a_text_are_reported_once(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_text("one Ω\nΩ two\n", encoding="utf-8")
    for options in ([], ["--tokens"]):
        assert main(["score", str(runs.language), "--text", str(tmp_path / "text"), *options]) == 0
        assert capsys.readouterr().err == ("2 of 12 tokens (16.67 %) are not in the vocabulary and are read as <unk>\n")
    (tmp_path / "target").write_text("one\ntwo Ω three\n", encoding="utf-8")
    files = ["--source", str(tmp_path / "text"), "--target", str(tmp_path / "target")]
    assert main(["score", str(runs.translator), *files]) == 0
    assert capsys.readouterr().err == (
        "2 of 4 source tokens (50.00 %) are not in the vocabulary and are read as <unk>\n"
        "1 of 4 target tokens (25.00 %) is not in the vocabulary and is read as <unk>\n"
    )


def test_empty_text_is_an_error(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").touch()
    empty = str(tmp_path / "empty")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    for options, name in (
        ([str(runs.language)], "standard input is"),
        ([str(runs.language), "--text", empty], f"{empty} is"),
        ([str(runs.translator), "--source", empty, "--target", empty], f"{empty} and {empty} are"),
    ):
        assert main(["score", *options, "--output", str(tmp_path / "scores")]) == 1
        assert capsys.readouterr().err == f"seq2seq: {name} empty, so there is nothing to score\n"
        assert not (tmp_path / "scores").exists()
