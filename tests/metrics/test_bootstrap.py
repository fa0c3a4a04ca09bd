"""Tests of bootstrap resampling."""

import random

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest

from seq2seq.errors import UserError
from seq2seq.metrics import Metrics
from seq2seq.metrics.bootstrap import Comparison, Estimate, compare_lines, compare_statistics, conclude

WORDS = ["the", "a", "cat", "dog", "sat", "ran", "on", "mat", "green", "house", "of"]


def sentences(count: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=rng.randint(3, 12))) for _ in range(count)]


def with_errors(lines: list[str], share: float, seed: int) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choice(WORDS) if rng.random() < share else word for word in line.split()) for line in lines]


REFERENCES = sentences(120, 1)
SYSTEMS = {name: with_errors(REFERENCES, share, seed) for seed, (name, share) in enumerate([("a", 0.3), ("b", 0.2)])}


def test_scores_intervals_and_p_values_are_those_of_sacrebleu() -> None:
    metrics = {"bleu": BLEU(), "chrf": CHRF(), "ter": TER(case_sensitive=True)}
    signatures, expected = PairedTest([*SYSTEMS.items()], metrics, [REFERENCES], "bs", 200)()
    found = compare_lines(SYSTEMS, REFERENCES, Metrics(("bleu", "chrf", "ter")), 200)
    for comparison, name in zip(found, ("BLEU", "chrF2", "TER"), strict=True):
        assert comparison.signature == str(signatures[name])
        for estimate, result in zip(comparison.estimates.values(), expected[name], strict=True):
            assert estimate.score == pytest.approx(result.score)
            assert estimate.mean == pytest.approx(float(result.mean), rel=1e-4)
            assert estimate.half_width == pytest.approx(float(result.ci), rel=1e-4)
            assert estimate.p_value == result.p_value


def test_a_system_does_not_differ_from_itself() -> None:
    same = {"a": SYSTEMS["a"], "copy": SYSTEMS["a"]}
    comparisons = compare_lines(same, REFERENCES, Metrics(("accuracy", "wer")), 100)
    assert all(comparison.estimates["copy"].p_value == 1 for comparison in comparisons)
    (sentence,) = conclude(comparisons)
    assert sentence.startswith("copy is not shown to differ from a; may be chance: accuracy (+0.00")


def test_interval_has_its_coverage() -> None:
    """Of many samples, about 95 % have an interval that contains the true mean."""
    rng = np.random.default_rng(1)
    contained = 0
    for _ in range(200):
        sample = rng.normal(5.0, 2.0, size=(60, 1))
        statistics = np.concatenate([sample, np.ones_like(sample)], axis=1)
        estimate = compare_statistics({"": statistics}, lambda sums: sums[0] / sums[1], 200)[""]
        contained += abs(estimate.mean - 5.0) <= estimate.half_width
    assert 0.90 <= contained / 200 <= 0.99


def test_false_differences_are_as_rare_as_the_p_value_says() -> None:
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(200):
        one, other = rng.normal(size=(2, 60, 1))
        estimates = compare_statistics({"one": one, "other": other}, lambda sums: sums[0] / 60, 100)
        found += (estimates["other"].p_value or 0) < 0.05
    assert found / 200 <= 0.15  # resampling differences in size, as sacreBLEU does, is not exact


def test_lines_of_all_systems_must_fit_the_references() -> None:
    with pytest.raises(UserError, match="one reference a line, not 120 for 119 lines"):
        compare_lines({"a": SYSTEMS["a"], "b": SYSTEMS["b"][:-1]}, REFERENCES)


def test_conclusion_names_what_is_better_worse_and_chance() -> None:
    comparisons = [
        Comparison(
            name, higher, {"old": Estimate(first, first, 1.0), "new": Estimate(second, second, 1.0, p_value)}, ""
        )
        for name, higher, first, second, p_value in [
            ("BLEU", True, 40.0, 42.5, 0.001),
            ("TER", False, 30.0, 31.0, 0.04),
            ("WER", False, 30.0, 29.0, 0.02),
            ("chrF", True, 60.0, 60.1, 0.3),
        ]
    ]
    assert conclude(comparisons) == [
        "new is better than old by BLEU (+2.50, p = 0.001), WER (-1.00, p = 0.020) and worse than old by TER (+1.00, "
        "p = 0.040); may be chance: chrF (+0.10, p = 0.300)"
    ]
