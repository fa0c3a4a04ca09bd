"""Properties of sampling."""

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from toy_tables import VOCAB_SIZE, random_tables, step, toy

from seq2seq.errors import UserError
from seq2seq.search import Draw, Greedy, Sampling, sample
from seq2seq.search.sampling import truncated_probabilities
from seq2seq.special_tokens import BOS, EOS, PAD, UNK

PROBABILITIES = torch.tensor([[0.0, 0.0, 0.0, 0.4, 0.2, 0.1, 0.3]])  # excluded tokens have no probability


def draws(sampler: Sampling, seed: int, count: int, rows: int = 3) -> list[Draw]:
    problem = toy(random_tables(7, rows, sharpness=1.0))
    generator = torch.Generator().manual_seed(seed)
    return list(itertools.islice(sample(step, torch.full((rows,), BOS), problem.state, sampler, generator), count))


def test_draws_depend_on_the_seed_only() -> None:
    first, repeated, other = (torch.stack([d.tokens for d in draws(Sampling(), seed, 40)]) for seed in (1, 1, 2))
    assert torch.equal(first, repeated)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.1, 0.4, 0.2, 0.3]),
        ({"temperature": 0}, [0, 1, 0, 0]),
        ({"temperature": 0.5}, [1 / 30, 16 / 30, 4 / 30, 9 / 30]),
        ({"temperature": 1e-6}, [0, 1, 0, 0]),
        ({"temperature": 1e6}, [1 / 4, 1 / 4, 1 / 4, 1 / 4]),
        ({"top_k": 1}, [0, 1, 0, 0]),
        ({"top_k": 2}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_k": 100}, [0.1, 0.4, 0.2, 0.3]),
        ({"top_p": 0.39}, [0, 1, 0, 0]),
        ({"top_p": 0.41}, [0, 4 / 7, 0, 3 / 7]),
        ({"top_p": 0.89}, [0, 4 / 9, 2 / 9, 3 / 9]),
        ({"top_p": 1e-9}, [0, 1, 0, 0]),
        ({"top_p": 1e-300}, [0, 1, 0, 0]),
        ({"min_p": 0.6}, [0, 4 / 7, 0, 3 / 7]),
        ({"min_p": 0.3}, [0, 4 / 9, 2 / 9, 3 / 9]),
        ({"min_p": 1.0}, [0, 1, 0, 0]),
        ({"top_k": 3, "min_p": 0.6}, [0, 4 / 7, 0, 3 / 7]),
        ({"temperature": 0.5, "top_p": 0.6}, [0, 16 / 25, 0, 9 / 25]),
        ({"top_k": 2, "top_p": 0.5}, [0, 1, 0, 0]),  # 0.4 of 0.7 is more than half
        ({"top_k": 3, "top_p": 0.75}, [0, 4 / 7, 0, 3 / 7]),
        ({"temperature": 1e-38}, [0, 1, 0, 0]),
        ({"temperature": 5e-324}, [0, 1, 0, 0]),
        ({"temperature": 1e308}, [1 / 4, 1 / 4, 1 / 4, 1 / 4]),
    ],
)
def test_distribution_equals_one_computed_by_hand(options: dict[str, Any], expected: list[float]) -> None:
    found = truncated_probabilities(PROBABILITIES.log(), Sampling(**options))[0]
    torch.testing.assert_close(found[[5, 3, 4, 6]], torch.tensor(expected, dtype=torch.float))
    assert found[[PAD, UNK, BOS]].tolist() == [0, 0, 0]


@given(
    scores=st.lists(st.one_of(st.floats(-(2.0**100), 2.0**100, width=32), st.just(-math.inf)), min_size=2, max_size=9),
    temperature=st.one_of(st.just(0.0), st.floats(5e-324, 1e-9)),
)
def test_temperature_near_zero_takes_the_most_likely_token(scores: list[float], temperature: float) -> None:
    assume(max(scores) > -math.inf)
    logits = torch.tensor([scores])
    best = logits[0] == logits[0].max()
    near = logits[0] > logits[0].max() - 1e-3 * max(1.0, abs(float(logits[0].max())))
    assume(bool((best == near).all()))
    found = truncated_probabilities(logits, Sampling(temperature))[0]
    assert found.sum() == pytest.approx(1)
    assert not found[~best].any()


@given(
    seed=st.integers(0, 2**30),
    temperature=st.floats(0.1, 10),
    top_k=st.integers(0, 12),
    top_p=st.floats(0.01, 1),
    min_p=st.floats(0, 1),
)
def test_options_apply_in_order_to_renormalized_probabilities(
    seed: int, temperature: float, top_k: int, top_p: float, min_p: float
) -> None:
    scores = 3 * torch.randn(4, 10, generator=torch.Generator().manual_seed(seed))
    once = truncated_probabilities(scores, Sampling(temperature, top_k, top_p, min_p))
    step_by_step = scores
    for sampler in (Sampling(temperature), Sampling(top_k=top_k), Sampling(top_p=top_p), Sampling(min_p=min_p)):
        step_by_step = truncated_probabilities(step_by_step, sampler).log()
    torch.testing.assert_close(once, step_by_step.exp(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "kept"),
    [({"top_k": 3}, [3, 4, 5]), ({"top_p": 0.2}, [3, 4]), ({"temperature": 0}, [3]), ({"top_k": 2, "top_p": 0.4}, [3])],
)
def test_ties_keep_tokens_with_lower_ids(options: dict[str, Any], kept: list[int]) -> None:
    even = torch.full((1, 1000), -math.inf)
    even[0, 3:11] = 1.0
    assert truncated_probabilities(even, Sampling(**options))[0].nonzero().flatten().tolist() == kept


def test_without_truncation_every_token_keeps_a_probability() -> None:
    torch.manual_seed(9)  # the float32 cumulative sum of these probabilities reaches 1 before the last one
    scores = torch.randn(1, 50_000).log_softmax(dim=-1)
    assert (truncated_probabilities(scores, Sampling()) > 0).all()


@pytest.mark.parametrize("options", [{}, {"temperature": 0.5}, {"top_k": 2}, {"top_p": 0.8, "min_p": 0.3}])
def test_frequencies_of_draws_match_probabilities(options: dict[str, Any]) -> None:
    sampler, logits = Sampling(**options), PROBABILITIES.log().clamp(min=-50).expand(20_000, VOCAB_SIZE)
    generator = torch.Generator().manual_seed(0)
    draw = next(sample(lambda t, s: (logits, s), torch.zeros(20_000, dtype=torch.long), logits, sampler, generator))
    frequencies = draw.tokens.bincount(minlength=VOCAB_SIZE) / 20_000
    torch.testing.assert_close(frequencies, truncated_probabilities(PROBABILITIES.log(), sampler)[0], rtol=0, atol=0.02)


@pytest.mark.parametrize("options", [{}, {"temperature": 0}, {"top_k": 2}])
def test_excluded_tokens_are_never_drawn(options: dict[str, Any]) -> None:
    logits = torch.full((500, VOCAB_SIZE), -50.0)
    logits[:, [PAD, UNK, BOS]] = 50.0
    draws = sample(lambda t, s: (logits, s), torch.zeros(500).long(), logits, Sampling(**options), torch.Generator())
    assert not {PAD, UNK, BOS} & set(next(draws).tokens.tolist())


def test_unknown_token_is_drawn_if_allowed() -> None:
    logits = torch.full((9, VOCAB_SIZE), -50.0)
    logits[:, [PAD, UNK, BOS]] = torch.tensor([60.0, 50.0, 60.0])
    sampler, generator = Sampling(allow_unknown=True), torch.Generator()
    draw = next(sample(lambda t, s: (logits, s), torch.zeros(9).long(), logits, sampler, generator))
    assert set(draw.tokens.tolist()) == {UNK}
    assert draw.scores.tolist() == pytest.approx(logits.log_softmax(dim=-1)[:, UNK].tolist())


@pytest.mark.parametrize("options", [{}, {"temperature": 0}, {"temperature": 1e-30}, {"top_k": 2}, {"top_p": 0.5}])
@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_invalid_logits_raise(options: dict[str, Any], wrong: float) -> None:
    logits = torch.zeros(3, VOCAB_SIZE)
    logits[1] = wrong
    logits[1, EOS] = 0.0 if wrong > 0 else wrong
    if math.isnan(wrong):
        logits[1] = torch.tensor([0.0] * 5 + [wrong, 0.0])
    draws = sample(lambda t, s: (logits, s), torch.zeros(3).long(), logits, Sampling(**options), torch.Generator())
    with pytest.raises(UserError, match="the model gives NaN for the next token"):
        next(draws)


def test_temperature_of_zero_is_greedy() -> None:
    problem = toy(random_tables(7, 3, sharpness=1.0))
    rows = torch.stack([d.tokens for d in draws(Sampling(temperature=0), 1, 12)], dim=1).tolist()
    for row, (h,) in zip(rows, Greedy()(problem, torch.full((3,), 12)), strict=True):
        assert row[: len(h.ids)] == h.ids
        assert len(h.ids) == 12 or row[len(h.ids)] == EOS


def test_scores_of_draws_ignore_temperature_and_truncation() -> None:
    tables = random_tables(7, 3, sharpness=1.0)
    last = [BOS] * 3
    for count, draw in enumerate(draws(Sampling(temperature=0.3, top_k=2), 1, 10)):
        for row, token in enumerate(draw.tokens.tolist()):
            scores = (tables[row, last[row]] * (1 + 0.5 * count)).log_softmax(dim=-1)
            assert math.isclose(float(draw.scores[row]), float(scores[token]), abs_tol=1e-5)
        last = draw.tokens.tolist()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"temperature": -1.0}, "temperature must be at least 0 and finite, and -1.0"),
        ({"temperature": math.nan}, "temperature must be at least 0 and finite, and nan"),
        ({"temperature": math.inf}, "temperature must be at least 0 and finite, and inf"),
        ({"top_k": -1}, "top_k must be at least 0 and at most 2,147,483,647, and -1"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1, and 0.0"),
        ({"top_p": math.nan}, "top_p must be above 0 and at most 1, and nan"),
        ({"min_p": 1.1}, "min_p must be at least 0 and at most 1, and 1.1"),
    ],
)
def test_option_out_of_range_raises(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sampling(**wrong)
