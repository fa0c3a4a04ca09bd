"""Closed or full standard streams, pipes and devices: clear errors, no hang, nothing written by mistake."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tiny_runs import Runs

from seq2seq.__main__ import COMMANDS, main

SEQ2SEQ = f"{sys.executable} -m seq2seq"


def bash(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a bash script, with arguments as "$1" and so on, in which seq2seq is the command."""
    program = f'seq2seq() {{ {SEQ2SEQ} "$@"; }}\n{script}'
    given = ["bash", "-c", program, "bash", *map(str, arguments)]
    return subprocess.run(given, capture_output=True, text=True, timeout=100, check=False)


def error_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one-line error message of a process that failed."""
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("seq2seq: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("seq2seq: ").removesuffix("\n")


def test_closed_standard_input_is_an_error(runs: Runs) -> None:
    done = bash('seq2seq translate "$1" <&-', runs.translator)
    assert error_line(done) == "standard input is closed, and no file was named"
    assert done.stdout == ""


def test_closed_standard_output_is_an_error() -> None:
    for script in ("seq2seq --help >&-", "seq2seq sample --help >&-", "seq2seq sample c >&-"):
        assert error_line(bash(script)) == "standard output is closed; redirect it to /dev/null to discard it"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", COMMANDS)
def test_help_to_a_closed_or_full_output_is_an_error(command: str) -> None:
    assert (
        error_line(bash(f"seq2seq {command} --help >&-"))
        == "standard output is closed; redirect it to /dev/null to discard it"
    )
    full = "cannot write to standard output: No space left on device"
    assert error_line(bash(f"seq2seq {command} --help >/dev/full")) == full


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_training_needs_standard_output_but_no_other_stream(runs: Runs, tmp_path: Path) -> None:
    arguments = (runs.language / "config.yaml", tmp_path)
    script = 'seq2seq fit --config "$1" --runs "$2" --trainer.max_steps 2 --name'
    for place, message in (
        (">&-", "standard output is closed; redirect it to /dev/null to discard it"),
        (">/dev/full", "cannot write to standard output: No space left on device"),
    ):
        done = bash(f"{script} without {place}", *arguments)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == f"seq2seq: {message}"
        assert "Traceback" not in done.stderr
    done = bash(f"{script} silent 2>&- <&-", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"finished {tmp_path / 'silent' / '1'} after 2 steps"


def test_closed_standard_error_leaves_the_output_clean(runs: Runs, tmp_path: Path) -> None:
    """No message gets into standard output, and no other file gets the descriptor of the stream."""
    (tmp_path / "text.txt").write_text("one zwei\n", encoding="utf-8")
    done = bash('seq2seq translate "$1" --input "$2" 2>&-', runs.translator, tmp_path / "text.txt")
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert "unknown" not in done.stdout
    done = bash("seq2seq sample nowhere 2>&-")
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_output_is_an_error(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("one\n" * 3, encoding="utf-8")
    for script in ("seq2seq --help >/dev/full", 'seq2seq translate "$1" --input "$2" >/dev/full'):
        message = error_line(bash(script, runs.translator, tmp_path / "text.txt"))
        assert message == "cannot write to standard output: No space left on device"
    message = error_line(
        bash('seq2seq translate "$1" --input "$2" --output /dev/full', runs.translator, tmp_path / "text.txt")
    )
    assert message == "cannot write /dev/full: No space left on device"


@pytest.mark.parametrize(
    "script",
    [
        'seq2seq translate "$1" --input <(cat "$2")',
        'cat "$2" | seq2seq translate "$1" --input /dev/stdin',
        'cat "$2" | seq2seq translate "$1" --input -',
    ],
)
def test_pipe_is_read_like_a_file(runs: Runs, tmp_path: Path, script: str) -> None:
    (tmp_path / "text.txt").write_text("one\ntwo three\n", encoding="utf-8")
    done = bash(script, runs.translator, tmp_path / "text.txt")
    assert done.returncode == 0, done.stderr
    assert done.stdout == bash('seq2seq translate "$1" <"$2"', runs.translator, tmp_path / "text.txt").stdout


# every option that reads lines once, and the error for an empty file
READERS = {
    "translate TRANSLATOR --input PLACE": None,
    "score TRANSLATOR --source PLACE --target TEXT": "every source needs a translation: PLACE has 0 lines and TEXT 2",
    "score LANGUAGE --text PLACE": "PLACE is empty, so there is nothing to score",
    "sample LANGUAGE --length 3 --prompts PLACE": "PLACE is empty, so there is no prompt to continue",
    "evaluate TRANSLATOR --source PLACE --reference TEXT": (
        "every line needs a reference: PLACE has 0 lines and TEXT 2"
    ),
    "evaluate LANGUAGE --text PLACE": "PLACE is empty, so there is nothing to score",
    "evaluate --translations PLACE --reference TEXT": "every line needs a reference: PLACE has 0 lines and TEXT 2",
}


@pytest.mark.parametrize("reader", READERS)
def test_inputs_may_be_pipes_and_empty_ones_are_errors(
    reader: str, runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, pipe = tmp_path / "text.txt", tmp_path / "pipe"
    text.write_text("one\ntwo three\n", encoding="utf-8")
    os.mkfifo(pipe)

    def arguments(place: object) -> list[str]:
        known = {"TRANSLATOR": runs.translator, "LANGUAGE": runs.language, "TEXT": text, "PLACE": place}
        return [str(known.get(word, word)) for word in reader.split()]

    assert main(arguments(text)) == 0
    expected = capsys.readouterr().out
    writer = threading.Thread(target=lambda: pipe.write_bytes(text.read_bytes()))
    writer.start()
    assert main(arguments(pipe)) == 0
    writer.join(timeout=60)
    assert capsys.readouterr().out == expected != ""

    message = READERS[reader]
    assert main(arguments("/dev/null")) == (message is not None)
    captured = capsys.readouterr()
    assert captured.out == ""
    if message is not None:
        message = message.replace("PLACE", "/dev/null").replace("TEXT", str(text))
        assert captured.err == f"seq2seq: {message}\n"
    done = bash('seq2seq "$@" <&-', *arguments("/dev/stdin"))
    assert error_line(done) == "cannot read /dev/stdin: No such device or address"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("tokenize FIFO --out out.json --tokenizer Characters", "FIFO"),
        ("tokenize text.txt --out out.json --held-out FIFO", "FIFO"),
        ("fit --config FIFO", "FIFO"),
        ("fit --model LanguageModel --data LanguageData --data.corpus FIFO", "FIFO"),
        ("compare --config FIFO --layers LSTM", "FIFO"),
    ],
)
def test_fifo_is_an_error_for_files_that_are_read_twice(
    given: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The FIFO has no writer, so opening it would wait forever."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("FIFO")
    Path("text.txt").write_text("one\n", encoding="utf-8")
    assert main(given.split()) == 1
    assert capsys.readouterr().err == f"seq2seq: {named} must be a regular file, not a pipe or a device\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"one\ntwo\n\x80three\n", "text must be UTF-8, which byte 0x80 in NAME, line 3 is not"),
        (b"one\n\xed\xa0\x80\n", "text must be UTF-8, which byte 0xed in NAME, line 2 is not"),
        ("one\n".encode("utf-16"), "text must be UTF-8, and NAME is UTF-16"),
        ("one two\n".encode("utf-16-le"), "text must be UTF-8, and NAME is UTF-16"),
        ("one two\n".encode("utf-16-be"), "text must be UTF-8, and NAME is UTF-16"),
    ],
)
def test_invalid_utf_8_is_an_error_in_every_input_file(
    content: bytes, message: str, runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = tmp_path / "text.txt", tmp_path / "output.txt"
    path.write_bytes(content)
    output.write_text("as before", encoding="utf-8")
    translator, language = str(runs.translator), str(runs.language)
    for arguments in (
        ["translate", translator, "--input", str(path), "--output", str(output)],
        ["score", language, "--text", str(path), "--output", str(output)],
        ["score", translator, "--source", str(path), "--target", str(path), "--output", str(output)],
        ["sample", language, "--prompts", str(path)],
        ["evaluate", language, "--text", str(path)],
        ["evaluate", translator, "--source", str(path), "--reference", str(path)],
        ["evaluate", "--translations", str(path), "--reference", str(path)],
        ["tokenize", str(path), "--out", str(tmp_path / "t.json"), "--tokenizer", "Characters"],
    ):
        assert main(arguments) == 1
        captured = capsys.readouterr()
        assert captured.err.splitlines()[-1] == f"seq2seq: {message.replace('NAME', str(path))}"
        assert captured.out == ""
    assert output.read_text(encoding="utf-8") == "as before"
    assert not (tmp_path / "t.json").exists()


def test_invalid_utf_8_on_standard_input_is_an_error(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_bytes(b"one\n\xff\xfe\n")
    for command in ('translate "$1"', 'score "$2"', 'sample "$2" --prompts -'):
        done = bash(f'seq2seq {command} <"$3"', runs.translator, runs.language, tmp_path / "text.txt")
        assert error_line(done) == "text must be UTF-8, which byte 0xff in standard input, line 2 is not"


def test_text_may_contain_nul_characters(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for content in (b"\0\n", b"a\0b\n", b"\0\0\0\0\n", b"one\0two\0three\n"):
        (tmp_path / "text.txt").write_bytes(content)
        assert main(["translate", str(runs.translator), "--input", str(tmp_path / "text.txt")]) == 0
        assert capsys.readouterr().out.count("\n") == 1


def test_output_may_be_a_fifo(runs: Runs, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("one\n", encoding="utf-8")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_text(encoding="utf-8")))
    reader.start()
    assert main(["translate", str(runs.translator), "--input", str(tmp_path / "text.txt"), "--output", str(fifo)]) == 0
    reader.join(timeout=60)
    assert read[0].count("\n") == 1
    assert stat.S_ISFIFO(fifo.stat().st_mode)
