"""Tests of `seq2seq tokenize`."""

import subprocess
import sys
from pathlib import Path

import pytest
from jsonargparse import ArgumentParser

from seq2seq.commands.tokenize import tokenize
from seq2seq.errors import UserError
from seq2seq.tokenizers import Bytes, Characters, Subwords, Words, load


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    path = tmp_path / "train.txt"
    path.write_text("the cat sees the dog\na dog\u2028runs\n\nthe end\n" * 30, encoding="utf-8", newline="\n")
    return str(path)


def test_learned_tokenizer_is_written(corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tokenize([corpus], str(tmp_path / "out" / "words.json"), Words())
    tokenizer = load(tmp_path / "out" / "words.json")
    assert tokenizer.decode(tokenizer.encode("the cat runs")) == "the cat runs"
    printed = capsys.readouterr().out
    assert f"Words: {tokenizer.vocab_size} ids" in printed
    assert "120" in printed  # a line ends at "\n" only


def test_unknown_tokens_are_reported(corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.txt"
    other.write_text("the zebra\n", encoding="utf-8")
    tokenize([corpus], str(tmp_path / "words.json"), Words(), held_out=str(other), show="the zebra")
    printed = capsys.readouterr().out
    assert "50.00%" in printed
    assert "0.00%" in printed
    assert "pieces: the <unk>" in printed


def test_tokenizer_learns_from_several_files(corpus: str, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("zebra\n", encoding="utf-8")
    tokenize([corpus, str(other)], str(tmp_path / "words.json"), Words())
    tokenizer = load(tmp_path / "words.json")
    assert tokenizer.decode(tokenizer.encode("zebra cat")) == "zebra cat"


def test_tokenizer_argument_is_not_modified(corpus: str, tmp_path: Path) -> None:
    given = Characters(max_size=10)
    tokenize([corpus], str(tmp_path / "characters.json"), given)
    assert given == Characters(max_size=10)
    assert load(tmp_path / "characters.json").vocab_size == 10


@pytest.mark.filterwarnings("ignore:the text is too small")
@pytest.mark.parametrize(
    ("options", "kind", "size"),
    [
        (["--tokenizer", "Words", "--tokenizer.max_size", "8"], Words, 8),
        (["--tokenizer.size", "276"], Subwords, 276),
        (["--tokenizer.size=280", "--tokenizer.algorithm=bpe"], Subwords, 280),
        (["--tokenizer", "Bytes"], Bytes, 260),
    ],
)
def test_options_come_from_the_command_line(
    corpus: str, tmp_path: Path, options: list[str], kind: type, size: int
) -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("files", nargs="+", type=str)
    parser.add_function_arguments(tokenize, skip={"files"}, as_positional=False)
    parsed = parser.parse_args([corpus, "--out", str(tmp_path / "t.json"), *options])
    tokenize(**parser.instantiate(parsed).as_dict())
    tokenizer = load(tmp_path / "t.json")
    assert type(tokenizer) is kind
    assert tokenizer.vocab_size == size


def test_errors_are_one_line_and_leave_no_file(corpus: str, tmp_path: Path) -> None:
    out = tmp_path / "t.json"
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"good\nb\xffd\n")
    empty = tmp_path / "empty.txt"
    empty.touch()
    absent = str(tmp_path / "absent.txt")
    for files, held_out, kind, message in (
        ([str(bad)], None, UserError, "bad.txt, line 2"),
        ([corpus], str(bad), UserError, "bad.txt, line 2"),
        ([absent], None, UserError, "there is no file .*absent.txt"),
        ([corpus], absent, UserError, "there is no file .*absent.txt"),
        ([str(tmp_path)], None, UserError, "is a folder, not a file"),
        ([str(empty)], None, UserError, "there must be text to learn from, but .*empty.txt is empty"),
        ([], None, UserError, "at least one file"),
    ):
        with pytest.raises(kind, match=message) as raised:
            tokenize(files, str(out), Bytes(), held_out=held_out)
        assert "\n" not in str(raised.value)
        assert not out.exists()
    with pytest.raises(ValueError, match="is a folder, not a file"):
        tokenize([corpus], str(tmp_path), Bytes())


def test_tokenize_imports_no_torch(corpus: str, tmp_path: Path) -> None:
    """Also, a call does not change the default tokenizer, which the next call uses."""
    program = f"""
import sys
from seq2seq.commands.tokenize import tokenize
for name in ("a.json", "b.json"):
    tokenize([{corpus!r}], {str(tmp_path)!r} + "/" + name, show="the cat")
print([name for name in ("torch", "pytorch_lightning", "datasets") if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"
    assert "too small for 8000 subwords" in ran.stderr
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert type(load(tmp_path / "a.json")) is Subwords
