"""Tests of seq2seq.scripts."""

import pytest

from seq2seq.scripts import count_scripts, main_script, script, script_name


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


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The cat sat on the mat.", "Latn"),
        ("这个模型使用PyTorch训练。", "Hani"),
        ("The company 华为 (Huawei) sells telephones all over the world.", "Latn"),
        ("今日は良い天気です。", "Jpan"),
        ("ラーメン", "Jpan"),
        ("他住在东京的の字屋后面，我们常去那里吃饭，喝茶，聊天。", "Hani"),
        ("วันนี้อากาศดี", "Thai"),
        ("오늘은 날씨가 좋다", "Hang"),
        ("Сегодня хорошая погода", "Cyrl"),
        ("12 + 7 = 19 😀", None),
        ("", None),
    ],
)
def test_main_script(text: str, code: str | None) -> None:
    assert main_script([text]) == code


def test_main_script_reads_a_limited_number_of_lines() -> None:
    lines = iter(["a"] * 10_000 + ["中"] * 10_000)
    assert main_script(lines) == "Latn"
    assert len(list(lines)) == 10_000
