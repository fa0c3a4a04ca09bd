"""Laws of `seq2seq score`."""

import io
import json
import re
from pathlib import Path

import pytest
from tiny_runs import Runs, turned

from seq2seq.__main__ import main
from seq2seq.inference import load_text_generator, load_translation

UNKNOWN = re.compile(r"[0-9,]+ of [0-9,]+ (\w+ )?tokens \([0-9.]+ %\) (is|are) not in the vocabulary .*")
TEXT = "one two\n\nfünf ✓✓ six\r\nthree\u2028 four\n  two "  # the check mark was never learned


def scored(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert main(["score", *map(str, arguments)]) == 0
    said = capsys.readouterr()
    assert all(UNKNOWN.fullmatch(line) for line in said.err.splitlines())
    return said.out


def by_line(said: str) -> list[tuple[float, str]]:
    rows = [row.split("\t", 1) for row in said.removesuffix("\n").split("\n")]
    return [(float(chance), text) for chance, text in rows]


def by_token(said: str) -> list[list[tuple[float, str]]]:
    blocks = said.split("\n\n")
    assert blocks.pop() == ""
    rows = [[row.split("\t", 1) for row in block.split("\n") if row] for block in blocks]
    return [[(float(chance), json.loads(text)) for chance, text in block] for block in rows]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode())
    return path


def test_every_line_stands_behind_its_score(runs: Runs, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As it was given, whatever the tokenizer knows of it."""
    said = by_line(scored(capsys, runs.language, "--text", text))
    assert [line for _, line in said] == TEXT.split("\n")


def test_a_line_is_as_likely_as_its_tokens(runs: Runs, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = by_line(scored(capsys, runs.language, "--text", text))
    blocks = by_token(scored(capsys, runs.language, "--text", text, "--tokens"))
    for (chance, line), tokens in zip(lines, blocks, strict=True):
        assert chance == pytest.approx(sum(one for one, _ in tokens), abs=1e-4)
        assert "".join(piece for _, piece in tokens).rstrip("\n") == line.replace("✓", "<unk>").replace(
            "\u2028", "<unk>"
        ).replace("\r", "<unk>")


@pytest.mark.parametrize("options", [[], ["--tokens"]])
def test_the_sum_is_what_evaluate_says(runs: Runs, capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    for path in (runs.corpus / "text" / "test.txt", runs.corpus / "text" / "validation.txt"):
        said = scored(capsys, runs.language, "--text", path, *options)
        if options:
            total = sum(chance for block in by_token(said) for chance, _ in block)
        else:
            total = sum(chance for chance, _ in by_line(said))
        assert main(["evaluate", str(runs.language), "--text", str(path), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert -total == pytest.approx(found["nats_per_token"] * found["tokens"], abs=1e-3)
        assert -total == pytest.approx(found["nats_per_byte"] * found["bytes"], abs=1e-3)


def test_a_text_comes_from_standard_input_as_it_is(
    runs: Runs, text: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for options in ([], ["--tokens"]):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
        assert scored(capsys, runs.language, *options) == scored(capsys, runs.language, "--text", text, *options)


def test_the_state_is_carried_from_line_to_line(runs: Runs, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tokens = [token for block in by_token(scored(capsys, runs.language, "--text", text, "--tokens")) for token in block]
    expected = list(load_text_generator(runs.language).score(TEXT))
    assert [chance for chance, _ in tokens] == pytest.approx([-one.nats for one in expected], abs=1e-5)
    assert [piece for _, piece in tokens] == [one.text for one in expected]


def test_a_translator_scores_given_translations(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = ["one two three", "six", "", "four ✓"]
    targets = [*map(turned, sources[:2]), "one", ""]
    for name, lines in (("s", sources), ("t", targets)):
        (tmp_path / name).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    files = (tmp_path / "s", "--target", tmp_path / "t")
    lines = by_line(scored(capsys, runs.translator, "--source", *files))
    blocks = by_token(scored(capsys, runs.translator, "--source", *files, "--tokens"))
    expected = list(load_translation(runs.translator).score(zip(sources, targets, strict=True)))
    assert [line for _, line in lines] == targets
    for (total, _), tokens, pieces in zip(lines, blocks, expected, strict=True):
        assert [piece for _, piece in tokens] == [piece for piece, _ in pieces]
        assert [chance for chance, _ in tokens] == pytest.approx([chance for _, chance in pieces], abs=1e-5)
        assert total == pytest.approx(sum(chance for _, chance in pieces), abs=1e-4)
    assert lines[0][0] > -1  # it was learned


def test_scores_are_written_into_a_file(
    runs: Runs, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scored(capsys, runs.language, "--text", text, "--output", tmp_path / "out") == ""
    assert (tmp_path / "out").read_bytes().decode() == scored(capsys, runs.language, "--text", text)


def test_mistakes_are_said(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad").write_bytes(b"one\ntw\xffo\n")
    (tmp_path / "one").write_bytes(b"one\n")
    (tmp_path / "two").write_bytes(b"one\ntwo\n")
    bad, one, two = (str(tmp_path / name) for name in ("bad", "one", "two"))
    wrong = (
        ([runs.language, "--source", one, "--target", one], "has no --source"),
        ([runs.language, "--source", one], "--source and --target are needed"),
        ([runs.language, "--source", one, "--target", one, "--text", one], "and no --text"),
        ([runs.translator, "--text", one], "--source and --target are needed"),
        ([runs.translator, "--source", one], "--source and --target are needed"),
        ([runs.translator, "--source", one, "--target", two], "has 1 lines and"),
        ([runs.language, "--text", bad], "line 2"),
        ([runs.language, "--text", "nowhere"], "there is no file nowhere"),
        (
            [runs.language, "--text", one, "--max-source-length", "9"],
            "scores all of a text, without --max-source-length",
        ),
        ([runs.language, runs.language], "only translators make an ensemble"),
    )
    for arguments, message in wrong:
        assert main(["score", *map(str, arguments)]) == 1
        said = capsys.readouterr()
        assert message in said.err
        assert said.err.count("\n") == 1


def test_what_a_text_holds_that_is_unknown_is_said_once(
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


def test_an_empty_text_has_no_score(
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
