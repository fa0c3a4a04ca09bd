"""The laws of the metrics."""

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.errors import UserError
from seq2seq.metrics import bits, bleu, chrf, exact_match, language_score, perplexity, ter

LINES = ["the cat sat on the mat .", "a dog runs across the green field .", "Hello world"]


@pytest.mark.parametrize("size", [1, 2, 50_000])
def test_a_uniform_guess_has_its_vocabulary_as_perplexity(size: int) -> None:
    assert perplexity(math.log(size)) == pytest.approx(size)
    assert bits(math.log(size)) == pytest.approx(math.log2(size))


@given(st.floats(min_value=0, allow_nan=False))
def test_perplexity_never_overflows(nats: float) -> None:
    assert perplexity(nats) >= 1


def test_an_overflow_is_infinity_and_no_number_stays_none() -> None:
    assert perplexity(1e9) == math.inf
    assert math.isnan(perplexity(math.nan))


def test_a_language_score_does_not_depend_on_the_tokens_per_byte() -> None:
    coarse = language_score(1000 * math.log(2), tokens=100, characters=400, bytes=500)
    fine = language_score(1000 * math.log(2), tokens=500, characters=400, bytes=500)
    assert coarse.bits_per_byte == fine.bits_per_byte == pytest.approx(2)
    assert coarse.bits_per_character == fine.bits_per_character == pytest.approx(2.5)
    assert coarse.bits_per_token == pytest.approx(10)
    assert coarse.perplexity == pytest.approx(2**10)
    assert fine.perplexity == pytest.approx(4)


def test_spelling_counts_in_the_comparable_numbers_alone() -> None:
    score = language_score(300.0, tokens=100, characters=400, bytes=500, spelling=100.0)
    assert score == language_score(300.0, 100, 400, 500)._replace(
        comparable_nats_per_character=1.0,
        comparable_bits_per_character=bits(1.0),
        comparable_nats_per_byte=0.8,
        comparable_bits_per_byte=bits(0.8),
    )
    known = language_score(300.0, 100, 400, 500)
    assert known.comparable_nats_per_character == known.nats_per_character
    assert known.comparable_bits_per_byte == known.bits_per_byte


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_finite_number_has_no_score(loss: float) -> None:
    with pytest.raises(UserError, match="finite number"):
        language_score(loss, 1, 1, 1)


@pytest.mark.parametrize("name", ["tokens", "characters", "bytes"])
def test_a_text_without_anything_cannot_be_scored(name: str) -> None:
    counts = {"tokens": 1, "characters": 1, "bytes": 1} | {name: 0}
    with pytest.raises(ValueError, match=f"at least one of its {name}, not 0"):
        language_score(1.0, **counts)


def test_equal_lines_are_perfect() -> None:
    assert bleu(LINES, LINES).value == pytest.approx(100)
    assert chrf(LINES, LINES).value == pytest.approx(100)
    assert ter(LINES, LINES).value == 0
    assert exact_match(LINES, LINES).value == 100


def test_lines_without_anything_in_common_are_worthless() -> None:
    other = ["xyz"] * 3
    assert bleu(other, LINES).value < 1
    assert chrf(other, LINES).value < 1
    assert ter(other, LINES).value > 90
    assert exact_match(other, LINES).value == 0


def test_case_counts_unless_it_is_ignored() -> None:
    upper = [line.upper() for line in LINES]
    for metric in (bleu, chrf, exact_match):
        assert metric(upper, LINES).value < 50
        assert metric(upper, LINES, lowercase=True).value == pytest.approx(100)
    assert ter(upper, LINES).value > 50
    assert ter(upper, LINES, lowercase=True).value == 0


@pytest.mark.parametrize("metric", [bleu, chrf, ter, exact_match])
def test_a_signature_names_how_case_was_taken(metric) -> None:
    assert "case:mixed" in metric(LINES, LINES).signature
    assert "case:lc" in metric(LINES, LINES, lowercase=True).signature


@pytest.mark.parametrize("metric", [bleu, chrf, ter, exact_match])
@pytest.mark.parametrize("lines", [["", "a b"], ["a b", ""], ["", ""], [" ", "\u2028"]])
def test_lines_without_text_have_a_score(metric, lines: list[str]) -> None:
    for lowercase in (False, True):
        for reference in (lines, lines[::-1]):
            assert 0 <= metric(lines, reference, lowercase=lowercase).value < math.inf


def test_a_signature_says_how_it_was_measured() -> None:
    assert "tok:13a" in bleu(LINES, LINES).signature
    assert "case:lc" in bleu(LINES, LINES, lowercase=True).signature
    assert "tok:char" in bleu(LINES, LINES, tokenize="char").signature
    assert chrf(LINES, LINES, word_order=2).name == "chrF++"
    assert "nw:2" in chrf(LINES, LINES, word_order=2).signature
    assert all(metric(LINES, LINES).signature for metric in (bleu, chrf, ter, exact_match))


def test_exact_match_counts_in_percent() -> None:
    assert exact_match(["a", "b", "c", "D"], ["a", "b", "c", "d"]).value == 75


@pytest.mark.parametrize("metric", [bleu, chrf, ter, exact_match])
def test_lines_must_match_in_number(metric) -> None:
    with pytest.raises(ValueError, match="one reference a line, not 3 for 2 lines"):
        metric(LINES[:2], LINES)
    with pytest.raises(ValueError, match="at least one line to score"):
        metric([], [])
    for wrong in (("abc", ["a", "b", "c"]), (["a", "b", "c"], "abc"), ("abc", "abc")):
        with pytest.raises(TypeError, match="must be a list of strings, not one string"):
            metric(*wrong)


def test_an_unknown_way_to_cut_words_is_named() -> None:
    with pytest.raises(ValueError, match=r"tokenize must be one of 13a, .*, not 'words'"):
        bleu(LINES, LINES, tokenize="words")


def test_metrics_import_neither_torch_nor_sacrebleu() -> None:
    program = "import sys, seq2seq.metrics; print([name for name in ('torch', 'sacrebleu') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
