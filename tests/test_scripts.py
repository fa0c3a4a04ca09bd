"""Tests of seq2seq.scripts."""

import pytest

from seq2seq.scripts import count_scripts, script, script_name


@pytest.mark.parametrize(
    ("character", "code", "name"),
    [
        ("a", "Latn", "Latin"),
        ("ß", "Latn", "Latin"),
        ("中", "Hani", "Han"),
        ("か", "Hira", "Hiragana"),
        ("カ", "Kana", "Katakana"),
        ("ก", "Thai", "Thai"),
        ("က", "Mymr", "Myanmar"),
        ("ش", "Arab", "Arabic"),
        ("한", "Hang", "Hangul"),
        ("𐎠", "Xpeo", "Old Persian"),
    ],
)
def test_script_of_letters(character: str, code: str, name: str) -> None:
    assert script(character) == code
    assert script_name(code) == name


@pytest.mark.parametrize("character", [" ", "7", "。", "\u0301", "\ud800", "\U000e0080", "😀"])
def test_characters_of_no_single_script(character: str) -> None:
    assert script(character) is None


def test_counts_are_of_characters_over_all_texts() -> None:
    assert count_scripts(["ab 12", "", "中b。"]) == {"Latn": 3, "Hani": 1}
