"""Errors of the command line alone are reported before anything is read: none of the checkpoints exists."""

from pathlib import Path

import pytest

from seq2seq.__main__ import main

FOLDER = "folder is a folder, not a file"
BELOW_A_FILE = "cannot write file/x: Not a directory"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("translate absent --n-best 6", "n_best must be at most the number of beams (5), and 6 was given"),
        ("translate absent --beams 2 --n-best 3", "n_best must be at most the number of beams (2), and 3 was given"),
        ("translate absent --picture-line 3", "--picture-line needs --picture"),
        ("translate absent --output folder", FOLDER),
        ("translate absent --alignments folder", FOLDER),
        ("translate absent --picture folder", FOLDER),
        ("translate absent --picture file/x", BELOW_A_FILE),
        (
            "translate absent --output x --alignments folder/../x",
            "--output and --alignments must be two files, and both are folder/../x",
        ),
        ("score absent --source a", "a translator needs --source and --target, and takes no --text"),
        ("score absent --target a", "a translator needs --source and --target, and takes no --text"),
        (
            "score absent --text a --source b --target c",
            "a translator needs --source and --target, and takes no --text",
        ),
        ("score absent --output folder", FOLDER),
        ("evaluate absent --source a", "--source and --reference must be given together"),
        ("evaluate absent --reference a", "--source and --reference must be given together"),
        ("evaluate absent --text a --beams 3", "--text is for a language model, and --beams is not"),
        ("evaluate absent --window 9 --lowercase", "--window is for a language model, and --lowercase is not"),
        (
            "evaluate absent --text a --source b --reference c",
            "--text is for a language model, and --reference is not",
        ),
        ("evaluate absent --json --examples 3", "--json and --examples cannot be combined"),
        ("sample absent --prompt a --prompts b", "--prompt and --prompts cannot be combined"),
        ("sample absent --top-p 0", "top_p must be above 0"),
        ("average absent --output folder", FOLDER),
        ("average absent --output file/x", BELOW_A_FILE),
        ("quantize absent --output folder", FOLDER),
        ("shortlist absent --output folder", FOLDER),
        ("tokenize file --out folder", FOLDER),
        ("inspect gradients absent --output folder/p", "folder/p.png is a folder, not a file"),
    ],
)
def test_command_line_errors_are_reported_before_reading_files(
    arguments: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder" / "p.png").mkdir(parents=True)
    (tmp_path / "file").write_text("one\n", encoding="utf-8")
    assert main(arguments.split()) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"seq2seq: {message}")
    assert captured.err.count("\n") == 1
