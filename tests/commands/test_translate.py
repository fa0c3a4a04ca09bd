"""Tests of `seq2seq translate`."""

import io
import os
from itertools import pairwise
from pathlib import Path

import pytest
from tiny_runs import Runs, reverse_words, shell

from seq2seq import checkpoint
from seq2seq.__main__ import main
from seq2seq.commands.alignments import draw_alignment
from seq2seq.inference import Alignment
from seq2seq.special_tokens import UNK
from seq2seq.tasks import load_translation

LINES = ["one two", "six", "", "three four five one", "   ", "日本語", "one one"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.txt"
    path.write_text("".join(line + "\n" for line in LINES), encoding="utf-8")
    return path


def run_translate(capsys: pytest.CaptureFixture[str], *arguments: object, notice: str = "") -> list[str]:
    """Return the lines on standard output; standard error must equal the notice, except for unknown tokens."""
    capsys.readouterr()
    assert main(["translate", *map(str, arguments)]) == 0
    captured = capsys.readouterr()
    assert (
        "".join(line for line in captured.err.splitlines(keepends=True) if "not in the vocabulary" not in line)
        == notice
    )
    assert captured.out.endswith("\n")
    return captured.out.split("\n")[:-1]


def test_translations_equal_those_of_python(runs: Runs, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    translations = run_translate(capsys, runs.translator, "--input", source)
    assert translations == load_translation(runs.translator)(LINES)
    assert translations[:2] == [reverse_words(line) for line in LINES[:2]]


def test_files_and_pipes_give_equal_translations(
    runs: Runs, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    by_file = run_translate(capsys, runs.translator, "--input", source)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(source.read_bytes())))
    assert run_translate(capsys, runs.translator) == by_file
    assert main(["translate", str(runs.translator), "--input", str(source), "--output", str(tmp_path / "out.txt")]) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "out.txt").read_text(encoding="utf-8").split("\n")[:-1] == by_file


RAW = [
    b"one two",
    b"",
    b"\0\x01\x1b[31m",
    b"\xe2\x80\xa8one\xe2\x80\xa8",
    b"one\rtwo",
    "אבג दो 日本語 😀".encode(),
    b"one " * 3000,
    b"x" * 200_000,
    b" ",
    b"one two",
]


def test_any_text_is_split_at_newlines_only(runs: Runs) -> None:
    done = shell("translate", runs.translator, "--beams", 2, stdin=b"\n".join(RAW))
    assert done.returncode == 0
    lines = done.stdout.split(b"\n")
    assert lines.pop() == b""
    assert len(lines) == len(RAW)
    assert lines[0] == lines[-1] == b"two one"
    assert lines[1] == lines[-2] == b""
    done.stdout.decode("utf-8")
    assert done.stderr.decode().splitlines()[1:] == [
        "sources longer than any in training: 1 of 10, up to 3,000 tokens, where training had at most 4",
        "sources cut after 1,000 tokens: 1 of 10; --max-source-length N cuts them after N",
    ]


@pytest.mark.parametrize("broken", [b"\xff\xfe\x80", b"caf\xe9", b"\xed\xa0\x80"])
def test_invalid_utf_8_is_an_error_with_line_number(runs: Runs, tmp_path: Path, broken: bytes) -> None:
    done = shell("translate", runs.translator, "--output", tmp_path / "out", stdin=b"one two\n" + broken + b"\n")
    assert done.returncode == 1
    assert "standard input, line " in done.stderr.decode()
    assert not (tmp_path / "out").exists()


def test_line_ends_and_byte_order_mark_are_ignored(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for content in (b"one two\nsix\n", b"one two\r\nsix\r\n", b"one two\nsix", b"\xef\xbb\xbfone two\nsix"):
        (tmp_path / "source.txt").write_bytes(content)
        assert run_translate(capsys, runs.translator, "--input", tmp_path / "source.txt") == ["two one", "six"]


def test_empty_input_gives_empty_output(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    for more in ([], ["--alignments", str(tmp_path / "alignments.txt")]):
        assert main(["translate", str(runs.translator), "--input", str(tmp_path / "empty.txt"), *more]) == 0
        assert capsys.readouterr() == ("", "")
    assert (tmp_path / "alignments.txt").read_bytes() == b""


@pytest.mark.parametrize("n_best", [1, 3, 5])
def test_n_best_writes_that_many_different_lines(
    runs: Runs, source: Path, capsys: pytest.CaptureFixture[str], n_best: int
) -> None:
    """Missing ones are empty lines with the scores -inf."""
    short = f"lines with fewer than {n_best} different translations, filled with empty ones: 2\n" * (n_best > 1)
    options = (runs.translator, "--input", source, "--n-best", n_best, "--scores")
    translations = [line.split("\t") for line in run_translate(capsys, *options, notice=short)]
    assert len(translations) == n_best * len(LINES)
    assert [text for _, _, text in translations[::n_best]] == run_translate(capsys, runs.translator, "--input", source)
    for row, line in enumerate(LINES):
        found = translations[row * n_best : (row + 1) * n_best]
        ranks = [float(rank) for rank, _, _ in found]
        assert ranks == sorted(ranks, reverse=True)
        if line.strip():
            assert len({text for _, _, text in found}) == n_best
        else:
            assert found == [["0.0000", "0.0000", ""]] + [["-inf", "-inf", ""]] * (n_best - 1)


def test_truncated_translations_are_counted(
    runs: Runs, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notice = "translations cut short by the limit of their length: 5 of 7; --max-length N lets each have N tokens\n"
    for beams in (1, 3):
        options = ("--input", source, "--max-length", 1, "--beams", beams, "--scores")
        translations = [line.split("\t") for line in run_translate(capsys, runs.translator, *options, notice=notice)]
        assert all(len(text.split()) <= 1 for _, _, text in translations)
        assert {rank for rank, _, text in translations if text} == {"-inf"}
    files = ["--source", str(source), "--reference", str(source), "--max-length", "1"]
    assert main(["evaluate", str(runs.translator), *files]) == 0
    assert capsys.readouterr().err.endswith(notice)


def test_long_sources_are_counted_by_all_commands(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "long.txt"
    path.write_text("one two\n" + "six " * 5 + "\n" + "one " * 9 + "\n")
    expected = [
        "sources longer than any in training: 2 of 3, up to 9 tokens, where training had at most 4",
        "sources cut after 6 tokens: 1 of 3; --max-source-length N cuts them after N",
    ]
    for command in (
        ["translate", "--input", path],
        ["evaluate", "--source", path, "--reference", path],
        ["score", "--source", path, "--target", path],
    ):
        name, *files = map(str, command)
        assert main([name, str(runs.translator), *files, "--max-source-length", "6"]) == 0
        assert capsys.readouterr().err.splitlines()[:2] == expected


def test_unknown_token_needs_allow_unknown(
    runs: Runs, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contents = checkpoint.load(checkpoint.find_checkpoint(runs.translator), mapped=False)
    contents["state_dict"]["output.linear.bias"][UNK] = 30.0
    checkpoint.save(contents, tmp_path / "unknown.ckpt")
    for beams in (1, 3):
        command = ("translate", str(tmp_path / "unknown.ckpt"), "--input", str(source), "--beams", str(beams))
        assert main([*command]) == 0
        assert "<unk>" not in capsys.readouterr().out
        assert main([*command, "--allow-unknown"]) == 0
        assert "<unk>" in capsys.readouterr().out


def test_scores_equal_those_of_the_score_command(
    runs: Runs, tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [line.split("\t") for line in run_translate(capsys, runs.translator, "--input", source, "--scores")]
    translations = [(score, text) for _, score, text in rows]
    for name, lines in (("s", LINES), ("t", [text for _, text in translations])):
        (tmp_path / name).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    files = ["--source", str(tmp_path / "s"), "--target", str(tmp_path / "t")]
    assert main(["score", str(runs.translator), *files]) == 0
    scored = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    for line, ours, theirs in zip(LINES, translations, scored, strict=True):
        assert ours[1] == theirs[1]
        if line.strip():  # what has no text is not asked of the model
            assert float(ours[0]) == pytest.approx(float(theirs[0]), abs=1e-3)


def test_batch_size_does_not_change_translations(runs: Runs, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (
        run_translate(capsys, runs.translator, "--input", source, "--batch-tokens", tokens) for tokens in (1, 10_000)
    )
    assert one == other


def test_ensemble_equals_python(runs: Runs, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    translations = run_translate(capsys, *runs.checkpoints, "--input", source)
    assert translations == load_translation(*runs.checkpoints)(LINES)


def test_alignments_list_the_highest_weights(
    runs: Runs, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "alignments.txt"
    translations = run_translate(capsys, runs.translator, "--input", source, "--alignments", path)
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    assert blocks.pop() == ""
    assert len(blocks) == len(LINES)
    for line, target, block in zip(LINES, translations, blocks, strict=True):
        rows = [row.split("\t") for row in block.split("\n")]
        assert [piece for piece, _ in rows] == [*target.split(), "</s>"]
        for _, attended in rows:
            weights = [float(one.rpartition(":")[2]) for one in attended.split(" ")]
            assert len(weights) == min(3, len(line.split()) + 1)
            assert weights == sorted(weights, reverse=True)
            assert 0.3 < sum(weights) < 1.02
    assert blocks[3].split("\n")[0].startswith("one\tone:")


def test_outputs_must_be_different_files(
    runs: Runs, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "link").symlink_to("file")
    outputs = ("--output", tmp_path / "file", "--alignments", tmp_path / "link")
    assert main(["translate", *map(str, (runs.translator, "--input", source, *outputs))]) == 1
    assert f"--output and --alignments must be two files, and both are {tmp_path}/link" in capsys.readouterr().err
    assert not (tmp_path / "file").exists()
    outputs = ("--output", "/dev/null", "--alignments", "/dev/null")
    assert main(["translate", *map(str, (runs.translator, "--input", source, *outputs))]) == 0


def test_picture_is_written(runs: Runs, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "picture.png"
    run_translate(capsys, runs.translator, "--input", source, "--picture", path, "--picture-line", 4)
    assert path.read_bytes().startswith(b"\x89PNG\r\n")


def test_any_pieces_can_be_drawn(tmp_path: Path) -> None:
    import torch
    from matplotlib.image import imread

    sides = (["$x$", "$", "日本", "a b", "\t\n", "_^{", "</s>"], ["\\frac", "</s>"]), (["x"] * 1001, ["y"] * 30)
    for source, target in sides:
        weights = torch.rand(len(target), len(source)).softmax(dim=1)
        draw_alignment(Alignment(source, target, weights), str(tmp_path / "picture.png"))
        height, width, _ = imread(tmp_path / "picture.png").shape
        assert height < width < 10_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--picture", "p.png", "--picture-line", "8"], "picture_line must be from 1 to 7, and 8 was given"),
        (["--beams", "0"], "beams must be at least 1 and at most 10,000, and 0 was given"),
        (["--beams", str(2**63)], "beams must be at least 1 and at most 10,000"),
        (["--length-penalty", "1e308"], "length_penalty must be at least 0 and at most 5"),
        (["--threshold", "-1"], "threshold must be at least 0, and -1.0 was given"),
        (["--max-length", "0"], "max_length must be at least 1"),
        (["--beams", "2", "--n-best", "3"], "n_best must be at most the number of beams (2), and 3 was given"),
        (["--output", "."], ". is a folder, not a file"),
    ],
)
def test_errors_are_reported_before_writing(
    runs: Runs, source: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["translate", str(runs.translator), "--input", str(source), *options]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_unknown_tokens_of_sources_are_reported_once(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "source").write_text("one Ω\nΩ two\n" * 3, encoding="utf-8")
    for options in ([], ["--beams", "1"]):
        assert main(["translate", str(runs.translator), "--input", str(tmp_path / "source"), *options]) == 0
        assert capsys.readouterr().err == (
            "6 of 12 source tokens (50.00 %) are not in the vocabulary and are read as <unk>\n"
        )
    arguments = ["--source", str(tmp_path / "source"), "--reference", str(tmp_path / "source"), "--json"]
    assert main(["evaluate", str(runs.translator), *arguments]) == 0
    assert capsys.readouterr().err.startswith("6 of 12 source tokens (50.00 %) are not in the vocabulary")


BEST_OF = """
from dataclasses import dataclass, replace

from seq2seq.ranges import Count
from seq2seq.search import Sampling, Search


@dataclass(frozen=True)
class BestOf(Search):
    \"\"\"The likeliest of several samples.

    Args:
        width: Number of samples.
        seed: Random seed.
    \"\"\"

    width: Count
    seed: Count = 1

    def __call__(self, problem, limits, n_best=1):
        sampling = Sampling(seed=self.seed, min_length=self.min_length, allow_unknown=self.allow_unknown)
        return [found[:n_best] for found in sampling(problem, limits, max(n_best, self.width))]
"""


def test_a_search_of_the_users_own_works_by_import_path(
    runs: Runs, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a fresh process, whose command has its options; with one sample it equals sampling."""
    (tmp_path / "best_of.py").write_text(BEST_OF)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    search = ("--search", "best_of.BestOf", "--input", source)
    single = shell("translate", runs.checkpoints[0], *search, "--width", 1, "--scores")
    sampled = shell("translate", runs.checkpoints[0], "--search", "sampling", "--input", source, "--scores")
    wide = shell("translate", runs.checkpoints[0], *search, "--width", 50, "--scores")
    assert single.returncode == wide.returncode == 0, single.stderr + wide.stderr
    assert single.stdout == sampled.stdout

    def scores(output: bytes) -> list[float]:
        return [float(line.split("\t")[1]) for line in output.decode().splitlines()]

    assert sum(scores(wide.stdout)) > sum(scores(single.stdout))
    refused = shell("translate", runs.checkpoints[0], *search, "--width", 0)
    assert refused.stderr.decode() == "seq2seq: width must be at least 1 and at most 2,147,483,647, and 0 was given\n"
    shown = shell("translate", "--search", "best_of.BestOf", "--help").stdout.decode()
    assert "--width WIDTH         Number of samples. (required, type: int at least 1)" in shown
    assert "--beams BEAMS" not in shown


def test_min_length_and_ngram_blocking(runs: Runs, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--input", source, "--min-length", 9, "--max-length", 12)
    for search in (("--beams", 3), ("--search", "greedy"), ("--search", "sampling", "--temperature", 0.5)):
        assert main(["translate", *map(str, (runs.translator, *options, *search, "--no-repeat-ngram-size", 2))]) == 0
        translations = capsys.readouterr().out.split("\n")[:-1]
        for line, translation in zip(LINES, translations, strict=True):
            words = translation.split()
            assert not line.strip() or 9 <= len(words) <= 12
            assert len(set(pairwise(words))) == max(0, len(words) - 1)


def test_newest_run_of_a_name_is_taken(runs: Runs, source: Path, tmp_path: Path) -> None:
    for number, run in ((1, runs.language), (2, runs.translator)):
        (tmp_path / "name" / str(number)).parent.mkdir(exist_ok=True)
        (tmp_path / "name" / str(number)).symlink_to(run)
    (tmp_path / "name" / "3").mkdir()
    done = shell("translate", tmp_path / "name", "--input", source, "--output", tmp_path / "out")
    assert done.returncode == 0
    assert done.stderr.decode().splitlines()[0] == f"using {tmp_path}/name/2"
    assert done.stderr.decode().count("using") == 1
    expected = load_translation(runs.translator)(LINES)
    assert (tmp_path / "out").read_text(encoding="utf-8").splitlines() == expected
