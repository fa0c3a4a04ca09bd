"""Tests of scores by parts of a test set."""

from hypothesis import given
from hypothesis import strategies as st

from seq2seq.metrics import Metrics
from seq2seq.metrics.breakdown import break_down_lines, break_down_words, parts_by_count, parts_by_length


@given(st.lists(st.integers(0, 60), min_size=1, max_size=50))
def test_every_line_is_in_the_one_part_of_its_length(lengths: list[int]) -> None:
    parts = parts_by_length(lengths)
    assert 1 <= len(parts) <= 6
    assert sorted(line for lines in parts.values() for line in lines) == list(range(len(lengths)))
    previous = -1
    for label, lines in parts.items():
        start, _, end = label.partition("-")
        assert lines
        assert previous < int(start) <= int(end or start)
        assert all(int(start) <= lengths[line] <= int(end or start) for line in lines)
        previous = int(end or start)


def test_parts_have_about_equally_many_lines() -> None:
    assert {label: len(lines) for label, lines in parts_by_length(range(1, 61)).items()} == {
        "1-11": 11, "12-21": 10, "22-31": 10, "32-41": 10, "42-51": 10, "52-60": 9,
    }  # fmt: skip


def test_parts_by_number_of_unknown_tokens() -> None:
    assert parts_by_count([0, 5, 0, 1, 3]) == {"0": [0, 2], "1": [3], "3+": [1, 4]}


def test_lines_of_each_part_are_scored() -> None:
    parts = {"short": [0, 2], "long": [1]}
    table = break_down_lines("t", "p", parts, ["a", "b", "x"], ["a", "b", "c"], Metrics(("accuracy", "ser")))
    assert table.columns == ("lines", "accuracy", "SER")
    assert table.rows == {"short": (2, 50.0, 50.0), "long": (1, 100.0, 0.0)}


def test_words_are_scored_by_their_frequency_in_training() -> None:
    training = ["the cat"] * 5 + ["the dog"] * 4 + ["a bird"]
    hypotheses, references = ["the the cat", "a fish"], ["the cat sat", "a bird"]
    table = break_down_words(hypotheses, references, training, str.split)
    assert table.columns == ("words", "precision", "recall", "F1")
    assert table.rows == {
        "0": (1, 0.0, 0.0, 0.0),  # sat, fish
        "1": (2, 100.0, 50.0, 100 * 2 / 3),  # a, bird
        "5-9": (2, 100 * 2 / 3, 100.0, 80.0),  # the, of which one is too many, and cat
    }


def test_case_of_words_is_ignored_with_lowercase() -> None:
    table = break_down_words(["The"], ["the"], ["THE"], str.split, lowercase=True)
    assert table.rows == {"1": (1, 100.0, 100.0, 100.0)}
