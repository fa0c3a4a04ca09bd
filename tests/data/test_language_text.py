"""Tests of held-out text: the splits join to the whole text, cut between lines where possible."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.corpora import load_texts
from seq2seq.data.language_text import TextBlocks, language_text
from seq2seq.errors import UserError


def read_splits(path: Path, held_out: float) -> tuple[str, str]:
    train, validation = ("".join(language_text(str(path), split, held_out)) for split in ("train", "validation"))
    return train, validation


@given(
    st.text(st.sampled_from("ab \n\ré\U0001f600"), min_size=2, max_size=60),
    st.floats(0.02, 0.98),
)
def test_splits_join_to_the_whole_text(text: str, held_out: float) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "text.txt"
        path.write_bytes(text.encode())
        requested = len(text) - int(len(text) * (1 - held_out))
        if requested >= len(text):
            with pytest.raises(UserError, match="too few to keep"):
                read_splits(path, held_out)
            return
        train, validation = read_splits(path, held_out)
        assert train + validation == text
        assert train
        assert validation
        assert 0.9 * requested <= len(validation) <= requested


@pytest.mark.parametrize("lines", [40, 5000])
@pytest.mark.parametrize("held_out", [0.05, 0.1, 0.5, 0.9])
def test_whole_lines_are_held_out(tmp_path: Path, lines: int, held_out: float) -> None:
    """Also where the text comes in several blocks."""
    text = "".join(f"line {number} é\n" for number in range(1, lines))
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    train, validation = read_splits(tmp_path / "text.txt", held_out)
    assert train + validation == text
    assert len(validation) == pytest.approx(held_out * len(text), rel=0.1, abs=12)
    if held_out * lines > 10:
        assert train.endswith("\n")


def test_long_line_is_cut_at_a_character(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("é" * 100_000, encoding="utf-8")
    assert read_splits(tmp_path / "text.txt", 0.3) == ("é" * 70_000, "é" * 30_000)


def test_documents_of_a_table_are_held_out_like_text(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("".join(f'{{"text": "document {n}"}}\n' for n in range(100)))
    train, validation = read_splits(tmp_path, 0.2)
    assert train + validation == "".join(f"document {n}\n" for n in range(100))
    assert validation.startswith("document 8")


def test_nothing_is_held_out_with_a_validation_split(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("one\ntwo\n")
    (tmp_path / "val.txt").write_text("three\n")
    assert read_splits(tmp_path, 0.5) == ("one\ntwo\n", "three\n")


def test_content_hash_depends_on_split_and_share(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("one two three\n" * 50)
    texts = [
        language_text(str(tmp_path / "text.txt"), split, held_out)
        for split in ("train", "validation")
        for held_out in (0.1, 0.5)
    ]
    whole = load_texts(str(tmp_path / "text.txt"))
    assert len({text.content_hash for text in texts} | {TextBlocks(whole, whole._fingerprint).content_hash}) == 5
    assert texts[0].content_hash == language_text(str(tmp_path / "text.txt"), "train", 0.1).content_hash


def test_text_can_be_iterated_again(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("one two three\n" * 50)
    text = language_text(str(tmp_path / "text.txt"), "validation")
    assert list(text) == list(text) != []
