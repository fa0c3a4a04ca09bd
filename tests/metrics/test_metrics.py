"""Tests of the metrics."""

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.errors import UserError
from seq2seq.metrics import accuracy, bleu, chrf, language_score, nats_to_bits, perplexity, ter

LINES = ["the cat sat on the mat .", "a dog runs across the green field .", "Hello world"]


@pytest.mark.parametrize("size", [1, 2, 50_000])
def test_uniform_distribution_has_its_size_as_perplexity(size: int) -> None:
    assert perplexity(math.log(size)) == pytest.approx(size)
    assert nats_to_bits(math.log(size)) == pytest.approx(math.log2(size))


@given(st.floats(min_value=0, allow_nan=False))
def test_perplexity_never_overflows(nats: float) -> None:
    assert perplexity(nats) >= 1


def test_perplexity_of_overflow_and_nan() -> None:
    assert perplexity(1e9) == math.inf
    assert math.isnan(perplexity(math.nan))


def test_bits_per_byte_do_not_depend_on_the_number_of_tokens() -> None:
    coarse = language_score(1000 * math.log(2), tokens=100, characters=400, bytes=500)
    fine = language_score(1000 * math.log(2), tokens=500, characters=400, bytes=500)
    assert coarse.bits_per_byte == fine.bits_per_byte == pytest.approx(2)
    assert coarse.bits_per_character == fine.bits_per_character == pytest.approx(2.5)
    assert coarse.bits_per_token == pytest.approx(10)
    assert coarse.perplexity == pytest.approx(2**10)
    assert fine.perplexity == pytest.approx(4)


def test_spelling_is_part_of_comparable_scores_only() -> None:
    score = language_score(300.0, tokens=100, characters=400, bytes=500, spelling=100.0)
    assert score == language_score(300.0, 100, 400, 500)._replace(
        comparable_nats_per_character=1.0,
        comparable_bits_per_character=nats_to_bits(1.0),
        comparable_nats_per_byte=0.8,
        comparable_bits_per_byte=nats_to_bits(0.8),
    )
    known = language_score(300.0, 100, 400, 500)
    assert known.comparable_nats_per_character == known.nats_per_character
    assert known.comparable_bits_per_byte == known.bits_per_byte


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_non_finite_loss_is_refused(loss: float) -> None:
    with pytest.raises(UserError, match="finite number"):
        language_score(loss, 1, 1, 1)


@pytest.mark.parametrize("name", ["tokens", "characters", "bytes"])
def test_empty_text_is_refused(name: str) -> None:
    counts = {"tokens": 1, "characters": 1, "bytes": 1} | {name: 0}
    with pytest.raises(ValueError, match=f"at least one of its {name}, not 0"):
        language_score(1.0, **counts)


def test_equal_lines_have_perfect_scores() -> None:
    assert bleu(LINES, LINES).value == pytest.approx(100)
    assert chrf(LINES, LINES).value == pytest.approx(100)
    assert ter(LINES, LINES).value == 0
    assert accuracy(LINES, LINES).value == 100


def test_unrelated_lines_have_the_worst_scores() -> None:
    other = ["xyz"] * 3
    assert bleu(other, LINES).value < 1
    assert chrf(other, LINES).value < 1
    assert ter(other, LINES).value > 90
    assert accuracy(other, LINES).value == 0


def test_case_matters_unless_lowercase() -> None:
    upper = [line.upper() for line in LINES]
    for metric in (bleu, chrf, accuracy):
        assert metric(upper, LINES).value < 50
        assert metric(upper, LINES, lowercase=True).value == pytest.approx(100)
    assert ter(upper, LINES).value > 50
    assert ter(upper, LINES, lowercase=True).value == 0


@pytest.mark.parametrize("metric", [bleu, chrf, ter, accuracy])
def test_signature_contains_case(metric) -> None:
    assert "case:mixed" in metric(LINES, LINES).signature
    assert "case:lc" in metric(LINES, LINES, lowercase=True).signature


@pytest.mark.parametrize("metric", [bleu, chrf, ter, accuracy])
@pytest.mark.parametrize("lines", [["", "a b"], ["a b", ""], ["", ""], [" ", "\u2028"]])
def test_empty_lines_have_a_score(metric, lines: list[str]) -> None:
    for lowercase in (False, True):
        for reference in (lines, lines[::-1]):
            assert 0 <= metric(lines, reference, lowercase=lowercase).value < math.inf


def test_signature_contains_the_settings() -> None:
    assert "tok:13a" in bleu(LINES, LINES).signature
    assert "case:lc" in bleu(LINES, LINES, lowercase=True).signature
    assert "tok:char" in bleu(LINES, LINES, tokenize="char").signature
    assert chrf(LINES, LINES, word_order=2).name == "chrF++"
    assert "nw:2" in chrf(LINES, LINES, word_order=2).signature
    assert all(metric(LINES, LINES).signature for metric in (bleu, chrf, ter, accuracy))


def test_accuracy_is_a_percentage() -> None:
    assert accuracy(["a", "b", "c", "D"], ["a", "b", "c", "d"]).value == 75


@pytest.mark.parametrize("metric", [bleu, chrf, ter, accuracy])
def test_numbers_of_lines_must_be_equal(metric) -> None:
    with pytest.raises(ValueError, match="one reference a line, not 3 for 2 lines"):
        metric(LINES[:2], LINES)
    with pytest.raises(ValueError, match="at least one line to score"):
        metric([], [])
    for wrong in (("abc", ["a", "b", "c"]), (["a", "b", "c"], "abc"), ("abc", "abc")):
        with pytest.raises(TypeError, match="must be a list of strings, not one string"):
            metric(*wrong)


def test_unknown_tokenization_is_refused() -> None:
    with pytest.raises(ValueError, match=r"tokenize must be one of 13a, .*, not 'words'"):
        bleu(LINES, LINES, tokenize="words")


def test_metrics_import_neither_torch_nor_sacrebleu() -> None:
    program = "import sys, seq2seq.metrics; print([name for name in ('torch', 'sacrebleu') if name in sys.modules])"
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert completed.stdout.strip() == "[]"
