"""No command replaces one of its inputs by its output."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_runs import Runs

from seq2seq.__main__ import main

COMMANDS: dict[str, Callable[[Runs, str], list[str | Path]]] = {
    "tokenize": lambda runs, out: ["tokenize", "in.txt", "--out", out],
    "tokenize, held-out text": lambda runs, out: [
        *("tokenize", runs.corpus / "train.a", "--held-out", "in.txt"),
        *("--out", out),
    ],
    "translate": lambda runs, out: ["translate", runs.translator, "--input", "in.txt", "--output", out],
    "translate, alignments": lambda runs, out: ["translate", runs.translator, "--input", "in.txt", "--alignments", out],
    "translate, picture": lambda runs, out: ["translate", runs.translator, "--input", "in.txt", "--picture", out],
    "translate, shortlist": lambda runs, out: ["translate", runs.translator, "--shortlist", "in.txt", "--output", out],
    "translate, checkpoint": lambda runs, out: ["translate", "in.txt", "--output", out],
    "score": lambda runs, out: ["score", runs.language, "--text", "in.txt", "--output", out],
    "score, target": lambda runs, out: [
        *("score", runs.translator, "--source", runs.corpus / "test.a"),
        *("--target", "in.txt", "--output", out),
    ],
    "quantize": lambda runs, out: ["quantize", "in.txt", "--output", out],
    "average": lambda runs, out: ["average", runs.checkpoints[0], "in.txt", "--output", out],
    "shortlist": lambda runs, out: ["shortlist", "in.txt", "--output", out],
}


@pytest.mark.parametrize("link", [None, os.link, os.symlink], ids=["same path", "hard link", "symbolic link"])
@pytest.mark.parametrize("name", COMMANDS)
def test_output_must_not_be_an_input(
    runs: Runs,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    link: Callable[[str, str], None] | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    content = (runs.corpus / "test.a").read_bytes()
    Path("in.txt").write_bytes(content)
    output = "in.txt" if link is None else "out.txt"
    if link is not None:
        link("in.txt", output)
    command = COMMANDS[name](runs, output)
    option = command[-2]
    assert main(list(map(str, command))) == 1
    assert (
        capsys.readouterr().err == f"seq2seq: {option} must not be an input, and {output} is the same file as in.txt\n"
    )
    assert Path("in.txt").read_bytes() == content


def test_checkpoints_and_corpora_are_inputs(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    best, last = (runs.translator / "checkpoints" / f"{name}.ckpt" for name in ("best", "last"))
    text = Path("gradients.json")
    text.write_text("one two three " * 9, encoding="utf-8")
    for command in (
        ["translate", runs.translator, "--output", best],
        ["quantize", runs.translator, "--output", best],
        ["average", runs.translator, "--output", last],
        ["shortlist", runs.translator, "--output", runs.corpus / "train.b"],
        ["inspect", "gradients", runs.language, "--text", text],
    ):
        assert main(list(map(str, command))) == 1
        assert "--output must not be an input" in capsys.readouterr().err


def test_standard_input_is_an_input(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "in.txt"
    path.write_text("one two\n")
    saved = os.dup(0)
    try:
        with path.open("rb") as file:
            os.dup2(file.fileno(), 0)
        assert main(["translate", str(runs.translator), "--output", str(path)]) == 1
    finally:
        os.dup2(saved, 0)
        os.close(saved)
    error = capsys.readouterr().err
    assert error == f"seq2seq: --output must not be an input, and {path} is the same file as /dev/stdin\n"
    assert path.read_text() == "one two\n"


def test_output_beside_an_input_is_written(runs: Runs, tmp_path: Path) -> None:
    """Also an existing one, in the folder of the run."""
    output = tmp_path / "out.txt"
    output.write_text("old")
    assert (
        main(["translate", str(runs.translator), "--input", str(runs.corpus / "test.a"), "--output", str(output)]) == 0
    )
    assert output.read_text().count("\n") == 20
