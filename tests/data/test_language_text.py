"""Laws of text that is held out: the parts are the whole, and the cut falls between lines where some end near it."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.corpora import load_texts
from seq2seq.data.language_text import Text, language_text
from seq2seq.errors import UserError


def parts(path: Path, held_out: float) -> tuple[str, str]:
    before, behind = ("".join(language_text(str(path), split, held_out)) for split in ("train", "validation"))
    return before, behind


@given(
    st.text(st.sampled_from("ab \n\ré\U0001f600"), min_size=2, max_size=60),
    st.floats(0.02, 0.98),
)
def test_the_parts_are_the_whole_text(text: str, held_out: float) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "text.txt"
        path.write_bytes(text.encode())
        wanted = len(text) - int(len(text) * (1 - held_out))
        if wanted >= len(text):
            with pytest.raises(UserError, match="too few to keep"):
                parts(path, held_out)
            return
        before, behind = parts(path, held_out)
        assert before + behind == text
        assert before
        assert behind
        assert 0.9 * wanted <= len(behind) <= wanted


@pytest.mark.parametrize("lines", [40, 5000])
@pytest.mark.parametrize("held_out", [0.05, 0.1, 0.5, 0.9])
def test_whole_lines_are_held_out_of_a_text_of_short_lines(tmp_path: Path, lines: int, held_out: float) -> None:
    """Also where the text comes in several blocks."""
    text = "".join(f"line {number} é\n" for number in range(1, lines))
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    before, behind = parts(tmp_path / "text.txt", held_out)
    assert before + behind == text
    assert len(behind) == pytest.approx(held_out * len(text), rel=0.1, abs=12)
    if held_out * lines > 10:
        assert before.endswith("\n")


def test_a_line_without_end_is_cut_at_its_character(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("é" * 100_000, encoding="utf-8")
    assert parts(tmp_path / "text.txt", 0.3) == ("é" * 70_000, "é" * 30_000)


def test_documents_of_a_table_are_cut_as_the_text_that_they_make(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("".join(f'{{"text": "document {n}"}}\n' for n in range(100)))
    before, behind = parts(tmp_path, 0.2)
    assert before + behind == "".join(f"document {n}\n" for n in range(100))
    assert behind.startswith("document 8")


def test_a_validation_split_leaves_the_training_text_whole(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("one\ntwo\n")
    (tmp_path / "val.txt").write_text("three\n")
    assert parts(tmp_path, 0.5) == ("one\ntwo\n", "three\n")


def test_other_parts_have_other_hashes(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("one two three\n" * 50)
    texts = [
        language_text(str(tmp_path / "text.txt"), split, held_out)
        for split in ("train", "validation")
        for held_out in (0.1, 0.5)
    ]
    whole = load_texts(str(tmp_path / "text.txt"))
    assert len({text.content for text in texts} | {Text(whole, whole._fingerprint).content}) == 5
    assert texts[0].content == language_text(str(tmp_path / "text.txt"), "train", 0.1).content


def test_a_text_is_read_as_often_as_it_is_iterated(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("one two three\n" * 50)
    text = language_text(str(tmp_path / "text.txt"), "validation")
    assert list(text) == list(text) != []
