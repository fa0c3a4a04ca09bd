"""What a command line says wrong by itself is refused before anything is read: none of the checkpoints is there."""

from pathlib import Path

import pytest

from seq2seq.__main__ import main

FOLDER = "folder is a folder where a file is meant"
BELOW_A_FILE = "cannot write file/x: Not a directory"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("translate absent --n-best 6", "n_best must be at most the number of beams (5), and 6 was given"),
        ("translate absent --beams 2 --n-best 3", "n_best must be at most the number of beams (2), and 3 was given"),
        ("translate absent --picture-line 3", "picture_line (3) is the line that --picture draws, which was not given"),
        ("translate absent --output folder", FOLDER),
        ("translate absent --alignments folder", FOLDER),
        ("translate absent --picture folder", FOLDER),
        ("translate absent --picture file/x", BELOW_A_FILE),
        (
            "translate absent --output x --alignments folder/../x",
            "--output and --alignments must be two files, and both are folder/../x",
        ),
        ("score absent --source a", "a translator scores given translations: --source and --target are needed, and no"),
        ("score absent --target a", "a translator scores given translations: --source and --target are needed, and no"),
        ("score absent --text a --source b --target c", "a translator scores given translations: "),
        ("score absent --output folder", FOLDER),
        ("evaluate absent --source a", "--source and --reference go together"),
        ("evaluate absent --reference a", "--source and --reference go together"),
        ("evaluate absent --text a --beams 3", "--text is for language models, which have no --beams"),
        ("evaluate absent --window 9 --lowercase", "--window is for language models, which have no --lowercase"),
        (
            "evaluate absent --text a --source b --reference c",
            "--text is for language models, which have no --reference",
        ),
        ("evaluate absent --json --examples 3", "--json has no --examples"),
        ("sample absent --prompt a --prompts b", "--prompts names a file with a prompt a line, so there is no place"),
        ("sample absent --top-p 0", "top_p must be above 0"),
        ("average absent --output folder", FOLDER),
        ("average absent --output file/x", BELOW_A_FILE),
        ("quantize absent --output folder", FOLDER),
        ("shortlist absent --output folder", FOLDER),
        ("tokenize file --out folder", FOLDER),
        ("inspect gradients absent --output folder/p", "folder/p.png is a folder where a file is meant"),
    ],
)
def test_a_wrong_command_line_is_refused_before_anything_is_read(
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
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"seq2seq: {message}")
    assert said.err.count("\n") == 1
