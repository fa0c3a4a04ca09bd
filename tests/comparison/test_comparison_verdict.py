"""Tests of the verdict: differences within the spread over seeds do not count."""

import math

from hypothesis import given
from hypothesis import strategies as st

from seq2seq.comparison.report import differs_significantly, verdict
from seq2seq.comparison.results import Score

VALUES = st.floats(-100, 100)
SCORES = st.builds(Score, st.just("x"), VALUES, st.none() | st.floats(0, 10))


@given(SCORES, SCORES)
def test_significance_is_symmetric(one: Score, other: Score) -> None:
    assert differs_significantly(one, other) == differs_significantly(other, one)


@given(SCORES)
def test_score_does_not_differ_from_itself(one: Score) -> None:
    assert not differs_significantly(one, one)


@given(VALUES, st.floats(0, 10), st.floats(0, 10))
def test_larger_spread_makes_fewer_differences_significant(mean: float, spread: float, more: float) -> None:
    zero = Score("x", 0.0, 0.0)
    if differs_significantly(zero, Score("y", mean, spread + more)):
        assert differs_significantly(zero, Score("y", mean, spread))


def test_gap_must_exceed_the_larger_spread() -> None:
    assert differs_significantly(Score("a", 1.0, 0.1), Score("b", 1.4, 0.3)) is True
    assert differs_significantly(Score("a", 1.0, 0.1), Score("b", 1.2, 0.3)) is False
    assert differs_significantly(Score("a", 1.0, None), Score("b", 1.2, 0.3)) is False
    assert differs_significantly(Score("a", 1.0, None), Score("b", 1.2, None)) is None


def test_verdict_lists_ties_and_worse_layers() -> None:
    scores = [Score("LSTM", 1.452, 0.004), Score("GRU", 1.455, 0.006), Score("RNN", 1.6, 0.01)]
    assert verdict(scores, "val_loss") == (
        "Best: LSTM, 1.4520 ± 0.0040 nats. GRU (1.4550 ± 0.0060) is no different: the gap, 0.0030, is within the "
        "spread over seeds. Behind: RNN (1.6000 ± 0.0100)."
    )


def test_one_seed_gives_no_significance() -> None:
    scores = [Score("LSTM", 30.0, None), Score("GRU", 29.0, None)]
    ending = "Then: GRU (29.00); with one seed, differences cannot be told from noise."
    assert verdict(scores, "val_bleu") == f"Highest: LSTM, 30.00 BLEU. {ending}"
    assert verdict(scores, "val_loss").startswith("Lowest: LSTM, 30.0000 nats.")
    single = "Highest: LSTM, 30.00 BLEU. With one seed, differences cannot be told from noise."
    assert verdict(scores[:1], "val_bleu") == single
    unfinished = [Score("LSTM", 1.5, None), Score("GRU", math.nan, None)]
    assert verdict(unfinished, "val_loss").startswith("Lowest: LSTM, 1.5000 nats. With one seed, differences cannot ")


def test_layers_without_result_are_listed() -> None:
    scores = [Score("LSTM", 1.5, 0.1), Score("GRU", math.nan, None)]
    assert verdict(scores, "val_loss") == "Best: LSTM, 1.5000 ± 0.1000 nats. Without a result: GRU."
    assert verdict(scores[1:], "val_loss") == "Without a result: GRU."
