"""Tests of the metrics of lines: tokenizers of BLEU, several references, accuracy and edit rates."""

import math
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.errors import UserError
from seq2seq.metrics import (
    Metrics,
    accuracy,
    bleu,
    character_error_rate,
    score_lines,
    sequence_error_rate,
    ter,
    token_error_rate,
    word_error_rate,
)
from seq2seq.metrics.bleu_tokenizers import bleu_tokenizer_of_script
from seq2seq.metrics.lines import METRICS

CHINESE = ["这个模型使用PyTorch训练。", "我们今天去北京看朋友。"]
TEXTS = st.text(st.sampled_from("ab 中の\r\u2028é7.<"), max_size=12)
PAIRS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("lines", "tokenizer"),
    [
        (CHINESE, "zh"),
        (["今日は良い天気です。", "ラーメンを食べます。"], "char"),
        (["วันนี้อากาศดีมาก"], "char"),
        (["ថ្ងៃនេះអាកាសធាតុល្អ"], "char"),
        (["ມື້ນີ້ອາກາດດີ"], "char"),
        (["ဒီနေ့ ရာသီဥတု ကောင်းတယ်"], "char"),
        (["Heute ist das Wetter gut, 好."], "13a"),
        (["오늘은 날씨가 좋다"], "13a"),
        (["الطقس جميل اليوم"], "13a"),
        (["1 2 3 4 5"], "13a"),
    ],
)
def test_tokenizer_of_bleu_follows_the_script_of_the_references(lines: list[str], tokenizer: str) -> None:
    score = bleu(lines, lines)
    assert f"|tok:{tokenizer}|" in score.signature
    assert score.value == pytest.approx(100) or tokenizer == "13a"  # that may have less than four tokens


def test_named_tokenizer_replaces_the_chosen_one() -> None:
    assert bleu(CHINESE, CHINESE, tokenize="13a").value == 0  # the whole line is one word
    for name in ("intl", "zh", "char", "none", "13a"):
        assert f"|tok:{name}|" in bleu(CHINESE, CHINESE, tokenize=name).signature


def test_choice_does_not_depend_on_what_is_installed() -> None:
    names = {bleu_tokenizer_of_script(code) for code in ("Latn", "Hani", "Jpan", "Hang", "Thai", "", None, "x")}
    assert names == {"13a", "zh", "char"}


@pytest.mark.parametrize(("name", "extra", "module"), [("ja-mecab", "ja", "MeCab"), ("ko-mecab", "ko", "mecab_ko")])
def test_tokenizer_without_its_packages_names_the_extra(
    name: str, extra: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seq2seq.metrics.bleu_tokenizers.find_spec", lambda wanted: None if wanted == module else 1)
    with pytest.raises(UserError, match=rf'{name} needs more packages: pip install "seq2seq\[{extra}\]"'):
        bleu(CHINESE, CHINESE, tokenize=name)


def test_flores_tokenizer_is_never_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sacrebleu.utils

    monkeypatch.setattr(sacrebleu.utils, "SACREBLEU_DIR", str(tmp_path))
    with pytest.raises(UserError, match=f"sentencepiece model in {tmp_path}.* which is not there"):
        bleu(CHINESE, CHINESE, tokenize="flores200")
    assert not list(tmp_path.iterdir())


def test_any_of_several_references_may_be_met() -> None:
    references = [["a b c d", "e f g h"], ["x", "y", "z"], "one"]
    lines = ["e f g h", "z", "one"]
    assert accuracy(lines, references).value == 100
    assert word_error_rate(lines, references).value == ter(lines, references).value == 0
    assert "nrefs:var" in accuracy(lines, references).signature
    first = ["e f g h i", "e f g h i", "j"]
    assert bleu(first, [["a b c d e", line] for line in first]).value == pytest.approx(100)
    assert bleu(first, ["a b c d e"] * 3).value < 20


def test_closest_reference_counts_and_of_equally_close_ones_the_longest() -> None:
    assert word_error_rate(["a b"], [["a b c d", "x b"]]).value == 50
    assert word_error_rate(["a b"], [["a", "a b c"]]).value == pytest.approx(100 / 3)


def test_every_line_needs_a_reference() -> None:
    with pytest.raises(UserError, match="every line must have a reference, and line 2 has none"):
        bleu(["a", "b"], [["a"], []])


def test_error_rates_count_edits_of_their_unit() -> None:
    assert word_error_rate(["the cat sits"], ["the cat sat down"]).value == 50
    assert character_error_rate(["今天天气好"], ["今天天气很好"]).value == pytest.approx(100 / 6)
    assert token_error_rate(["K AE T"], ["K AA T S"]).value == 50
    assert token_error_rate(["abcd"], ["abed"], pieces=lambda line: [line[:2], line[2:]]).value == 50
    assert sequence_error_rate(["a", "b", "c", "D"], ["a", "b", "c", "d"]).value == 25
    for rate in (word_error_rate, character_error_rate, sequence_error_rate):
        assert rate(["THE"], ["the"]).value == 100
        assert rate(["THE"], ["the"], lowercase=True).value == 0


@given(PAIRS)
def test_laws_of_accuracy_and_edit_rates(pairs: list[tuple[str, str]]) -> None:
    """Equal lines have no errors; accuracy and SER are complements; a line is at most as wrong as its longer side."""
    lines, references = map(list, zip(*pairs, strict=True))
    assert accuracy(lines, references).value + sequence_error_rate(lines, references).value == pytest.approx(100)
    for rate in (word_error_rate, character_error_rate, token_error_rate):
        assert rate(lines, lines).value == 0
        assert 0 <= rate(lines, references).value < math.inf
    size = sum(map(len, references))
    if size:
        most = sum(max(len(line), len(reference)) for line, reference in pairs)
        assert character_error_rate(lines, references).value <= 100 * most / size + 1e-9


def test_metrics_are_given_in_the_order_of_their_names() -> None:
    names = tuple(reversed(METRICS))
    assert [score.name for score in score_lines(["a"], ["a"], Metrics(names))] == [
        METRICS[name].title for name in names
    ]


def test_unknown_metric_is_refused() -> None:
    with pytest.raises(UserError, match=r"a metric must be one of bleu, .*, per, not .meteor"):
        Metrics(("bleu", "meteor"))


def test_metrics_of_lines_import_no_torch() -> None:
    import subprocess

    program = "import sys, seq2seq.metrics as m; m.word_error_rate(['a'], ['b']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
