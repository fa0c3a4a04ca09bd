"""Tests of the verdict: differences within the spread over seeds do not count."""

import math

from hypothesis import given
from hypothesis import strategies as st

from seq2seq.comparison.compare import Result
from seq2seq.comparison.plan import Variant
from seq2seq.comparison.report import differs_significantly, verdict


def score(name: str, mean: float, spread: float | None) -> Result:
    variant = Variant(name, name, 8, 100, {}, 8)
    return Result(variant, [], [], "", mean, spread, math.nan, math.nan, math.nan)


VALUES = st.floats(-100, 100)
SCORES = st.builds(score, st.just("x"), VALUES, st.none() | st.floats(0, 10))


@given(SCORES, SCORES)
def test_significance_is_symmetric(one: Result, other: Result) -> None:
    assert differs_significantly(one, other) == differs_significantly(other, one)


@given(SCORES)
def test_score_does_not_differ_from_itself(one: Result) -> None:
    assert not differs_significantly(one, one)


@given(VALUES, st.floats(0, 10), st.floats(0, 10))
def test_larger_spread_makes_fewer_differences_significant(mean: float, spread: float, more: float) -> None:
    zero = score("x", 0.0, 0.0)
    if differs_significantly(zero, score("y", mean, spread + more)):
        assert differs_significantly(zero, score("y", mean, spread))


def test_gap_must_exceed_the_larger_spread() -> None:
    assert differs_significantly(score("a", 1.0, 0.1), score("b", 1.4, 0.3)) is True
    assert differs_significantly(score("a", 1.0, 0.1), score("b", 1.2, 0.3)) is False
    assert differs_significantly(score("a", 1.0, None), score("b", 1.2, 0.3)) is False
    assert differs_significantly(score("a", 1.0, None), score("b", 1.2, None)) is None


def test_verdict_lists_ties_and_worse_layers() -> None:
    scores = [score("LSTM", 1.452, 0.004), score("GRU", 1.455, 0.006), score("RNN", 1.6, 0.01)]
    assert verdict(scores, "val_loss") == (
        "Best: LSTM, 1.4520 ± 0.0040 nats. No different, since the gap is within the spread over seeds: "
        "GRU (1.4550 ± 0.0060, gap 0.0030). Behind: RNN (1.6000 ± 0.0100)."
    )


def test_one_seed_gives_no_significance() -> None:
    scores = [score("LSTM", 30.0, None), score("GRU", 29.0, None)]
    note = "With one seed, differences cannot be told from noise."
    assert verdict(scores, "val_bleu") == f"Highest: LSTM, 30.00 BLEU. Then: GRU (29.00). {note}"
    assert verdict(scores, "val_loss").startswith("Lowest: LSTM, 30.0000 nats.")
    assert verdict(scores[:1], "val_bleu") == f"Highest: LSTM, 30.00 BLEU. {note}"
    unfinished = [score("LSTM", 1.5, None), score("GRU", math.nan, None)]
    assert verdict(unfinished, "val_loss") == f"Lowest: LSTM, 1.5000 nats. Without a result: GRU. {note}"


def test_layers_without_result_are_listed() -> None:
    scores = [score("LSTM", 1.5, 0.1), score("GRU", math.nan, None)]
    assert verdict(scores, "val_loss") == "Best: LSTM, 1.5000 ± 0.1000 nats. Without a result: GRU."
    assert verdict(scores[1:], "val_loss") == "Without a result: GRU."
