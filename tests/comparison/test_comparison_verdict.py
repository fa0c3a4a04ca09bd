"""A difference that is smaller than the spread over seeds is none."""

import math

from hypothesis import given
from hypothesis import strategies as st

from seq2seq.comparison.verdict import Score, differ, verdict

NUMBERS = st.floats(-100, 100)
SCORES = st.builds(Score, st.just("x"), NUMBERS, st.none() | st.floats(0, 10))


@given(SCORES, SCORES)
def test_the_rule_is_the_same_from_both_sides(one: Score, other: Score) -> None:
    assert differ(one, other) == differ(other, one)


@given(SCORES)
def test_nothing_differs_from_itself(one: Score) -> None:
    assert not differ(one, one)


@given(NUMBERS, st.floats(0, 10), st.floats(0, 10))
def test_a_larger_spread_tells_less_apart(mean: float, spread: float, more: float) -> None:
    zero = Score("x", 0.0, 0.0)
    if differ(zero, Score("y", mean, spread + more)):
        assert differ(zero, Score("y", mean, spread))


def test_the_gap_must_be_larger_than_the_larger_spread() -> None:
    assert differ(Score("a", 1.0, 0.1), Score("b", 1.4, 0.3)) is True
    assert differ(Score("a", 1.0, 0.1), Score("b", 1.2, 0.3)) is False
    assert differ(Score("a", 1.0, None), Score("b", 1.2, 0.3)) is False
    assert differ(Score("a", 1.0, None), Score("b", 1.2, None)) is None


def test_the_verdict_names_what_is_no_different_and_what_is_behind() -> None:
    scores = [Score("LSTM", 1.452, 0.004), Score("GRU", 1.455, 0.006), Score("RNN", 1.6, 0.01)]
    assert verdict(scores, "val_loss") == (
        "Best: LSTM, 1.4520 ± 0.0040 nats. GRU (1.4550 ± 0.0060) is no different: the gap, 0.0030, is within the "
        "spread over seeds. Behind: RNN (1.6000 ± 0.0100)."
    )


def test_one_seed_says_nothing_of_chance() -> None:
    scores = [Score("LSTM", 30.0, None), Score("GRU", 29.0, None)]
    end = "Then: GRU (29.00); with one seed nothing says which differences are chance."
    assert verdict(scores, "val_bleu") == f"Highest: LSTM, 30.00 BLEU. {end}"
    assert verdict(scores, "val_loss").startswith("Lowest: LSTM, 30.0000 nats.")
    alone = "Highest: LSTM, 30.00 BLEU. With one seed nothing says which differences are chance."
    assert verdict(scores[:1], "val_bleu") == alone
    lost = [Score("LSTM", 1.5, None), Score("GRU", math.nan, None)]
    assert verdict(lost, "val_loss").startswith("Lowest: LSTM, 1.5000 nats. With one seed nothing says ")


def test_what_has_no_result_is_named() -> None:
    scores = [Score("LSTM", 1.5, 0.1), Score("GRU", math.nan, None)]
    assert verdict(scores, "val_loss") == "Best: LSTM, 1.5000 ± 0.1000 nats. Without a result: GRU."
    assert verdict(scores[1:], "val_loss") == "Without a result: GRU."
