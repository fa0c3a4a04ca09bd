"""Tests of reading lines and blocks of text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.text import read_blocks, read_lines
from seq2seq.errors import UserError


@pytest.mark.parametrize("inside", ["\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029", "\0", "\ufeff"])
def test_only_a_newline_ends_a_line(tmp_path: Path, inside: str) -> None:
    path = tmp_path / "text"
    path.write_bytes(f"a{inside}b\n{inside}c{inside}\n".encode())
    expected = [f"a{inside}b", f"{inside}c{inside}".removesuffix("\r")]
    if inside == "\ufeff":
        assert expected[0].startswith("a")  # it is a byte-order mark only at the start of the file
    assert list(read_lines(path)) == expected


def test_windows_line_end_is_one_line_end(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"one\r\n\r\ntwo\r\r\nthree\r")
    assert list(read_lines(path)) == ["one", "", "two\r", "three\r"]


def test_missing_last_newline_changes_no_line(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"one\n\ntwo")
    assert list(read_lines(path)) == ["one", "", "two"]
    path.write_bytes(b"one\n\ntwo\n")
    assert list(read_lines(path)) == ["one", "", "two"]


def test_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes("\ufeffone\n\ufefftwo".encode())
    assert list(read_lines(path)) == ["one", "\ufefftwo"]
    assert "".join(read_blocks(path)) == "one\n\ufefftwo"


def test_empty_file_has_no_lines_and_no_blocks(tmp_path: Path) -> None:
    path = tmp_path / "text"
    for content in (b"", b"\xef\xbb\xbf"):
        path.write_bytes(content)
        assert "".join(read_lines(path)) == ""
        assert list(read_blocks(path)) == []


@pytest.mark.parametrize("read", [read_lines, read_blocks])
@pytest.mark.parametrize("bad", [b"caf\xe9", b"\xff", b"\xc3", b"\xed\xa0\x80"])
def test_error_on_invalid_utf8_names_file_and_line(tmp_path: Path, read: object, bad: bytes) -> None:
    path = tmp_path / "latin"
    path.write_bytes(b"fine\n" * 41 + bad + b"\nfine")
    with pytest.raises(ValueError, match=r"UTF-8.*latin, line 42\b") as caught:
        list(read(path))  # type: ignore[operator]
    assert type(caught.value) is UserError


def test_error_in_a_late_block_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"some words\n" * 99_999 + b"\xff\n")
    with pytest.raises(ValueError, match=r"line 100000\b"):
        list(read_blocks(path))


def test_folder_and_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a folder, not a file"):
        list(read_lines(tmp_path))
    with pytest.raises(ValueError, match=r"there is no file .*absent"):
        list(read_lines(tmp_path / "absent"))


@given(text=st.text(st.sampled_from("ab\n\r é\u2028😀"), max_size=80), size=st.integers(8, 24))
def test_blocks_are_whole_lines_and_join_to_the_text(
    tmp_path_factory: pytest.TempPathFactory, text: str, size: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "blocks"
    path.write_bytes(text.encode())
    blocks = list(read_blocks(path, size))
    assert "".join(blocks) == text
    assert all(0 < len(block.encode()) <= size for block in blocks)
    assert all(block.endswith("\n") or len(block.encode()) >= size - 4 for block in blocks[:-1])
