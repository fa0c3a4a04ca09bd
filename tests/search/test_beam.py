"""Properties of beam search, on tables small enough for exhaustive search."""

from math import inf, nan
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_tables import VOCAB_SIZE, exhaustive_search, plain_beam, random_tables, score, toy

from seq2seq.errors import UserError
from seq2seq.search import Beam, DecodingProblem, Greedy, Sampling
from seq2seq.search.beam import beam_search
from seq2seq.special_tokens import BOS, EOS, PAD, UNK

seeds = st.integers(0, 2**30)


@settings(max_examples=40)
@given(
    seed=seeds,
    limits=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    length_penalty=st.sampled_from([0.0, 0.6, 1.0]),
)
def test_wide_beam_equals_exhaustive_search(seed: int, limits: list[int], length_penalty: float) -> None:
    tables = random_tables(seed, len(limits))
    found = beam_search(
        toy(tables),
        torch.tensor(limits),
        Beam(90, length_penalty, patience=inf, threshold=inf),
        n_best=3,
    )
    for table, limit, hypotheses in zip(tables, limits, found, strict=True):
        best = exhaustive_search(table, limit, length_penalty)[:3]
        assert [h.ids for h in hypotheses] == [ids for _, ids in best]
        assert [h.normalized_score for h in hypotheses] == pytest.approx(
            [normalized for normalized, _ in best], abs=1e-4
        )


@settings(max_examples=60)
@given(
    seed=seeds,
    beams=st.integers(1, 4),
    n_best=st.integers(1, 4),
    length_penalty=st.sampled_from([0.0, 1.0, 2.0]),
    patience=st.sampled_from([0.0, 0.2, 1.0, inf]),
    threshold=st.sampled_from([0.5, 2.0, inf]),
)
def test_narrow_beam_equals_plain_beam_search(
    seed: int, beams: int, n_best: int, length_penalty: float, patience: float, threshold: float
) -> None:
    tables, limits, n_best = random_tables(seed, 3), [8, 2, 5], min(n_best, beams)
    found = beam_search(toy(tables), torch.tensor(limits), Beam(beams, length_penalty, patience, threshold), n_best)
    for table, limit, hypotheses in zip(tables, limits, found, strict=True):
        best = plain_beam(table, limit, beams, length_penalty, n_best, patience, threshold)
        assert [h.ids for h in hypotheses] == [ids for _, ids in best]
        assert [h.normalized_score for h in hypotheses] == pytest.approx(
            [normalized for normalized, _ in best], abs=1e-4
        )


@settings(max_examples=40)
@given(seed=seeds, beams=st.integers(1, 5), length_penalty=st.sampled_from([0.0, 1.0]))
def test_score_is_the_log_probability_of_the_tokens(seed: int, beams: int, length_penalty: float) -> None:
    tables = random_tables(seed, 2)
    limits = [3, 6]
    found = beam_search(toy(tables), torch.tensor(limits), Beam(beams, length_penalty), n_best=beams)
    for table, limit, hypotheses in zip(tables, limits, found, strict=True):
        for h in hypotheses:
            tokens = h.ids if len(h.ids) == limit else [*h.ids, EOS]
            assert h.score == pytest.approx(score(table, tokens), abs=1e-4)
            assert h.normalized_score == pytest.approx(h.score / ((5 + len(tokens)) / 6) ** length_penalty, abs=1e-4)


@settings(max_examples=40)
@given(seed=seeds, limit=st.integers(1, 8))
def test_beam_of_one_without_length_penalty_is_greedy(seed: int, limit: int) -> None:
    tables, limits = random_tables(seed, 3), torch.full((3,), limit)
    expected = [h for (h,) in Greedy()(toy(tables), limits)]
    found = [h for (h,) in beam_search(toy(tables), limits, Beam(1, length_penalty=0.0))]
    assert [h.ids for h in found] == [h.ids for h in expected]
    assert [h.score for h in found] == pytest.approx([h.score for h in expected])
    assert [h.normalized_score for h in found] == pytest.approx([h.normalized_score for h in expected])


@settings(max_examples=40)
@given(seed=seeds, beams=st.integers(1, 4), length_penalty=st.sampled_from([0.0, 1.0]))
def test_result_does_not_depend_on_the_batch(seed: int, beams: int, length_penalty: float) -> None:
    tables, limits = random_tables(seed, 4), torch.tensor([5, 1, 9, 3])
    together = beam_search(toy(tables), limits, Beam(beams, length_penalty), n_best=beams)
    for row in range(4):
        index = slice(row, row + 1)
        (alone,) = beam_search(toy(tables[index]), limits[index], Beam(beams, length_penalty), n_best=beams)
        assert [h.ids for h in alone] == [h.ids for h in together[row]]
        assert [h.score for h in alone] == pytest.approx([h.score for h in together[row]])


@settings(max_examples=40)
@given(seed=seeds, limits=st.lists(st.integers(1, 7), min_size=1, max_size=3))
def test_results_are_sorted_distinct_within_limits_and_without_special_tokens(seed: int, limits: list[int]) -> None:
    tables = random_tables(seed, len(limits))
    tables[:, :, [PAD, BOS, UNK]] += 5.0  # a model may find them likely
    for limit, hypotheses in zip(
        limits, beam_search(toy(tables), torch.tensor(limits), Beam(4), n_best=4), strict=True
    ):
        assert 1 <= len(hypotheses) <= 4
        order = [(h.finished, h.normalized_score) for h in hypotheses]
        assert order == sorted(order, reverse=True)
        assert len({tuple(h.ids) for h in hypotheses}) == len(hypotheses)
        assert all(len(h.ids) <= limit and not {PAD, UNK, BOS, EOS} & set(h.ids) for h in hypotheses)


def test_unknown_token_is_generated_if_allowed() -> None:
    tables = torch.zeros(1, VOCAB_SIZE, VOCAB_SIZE)
    tables[:, BOS, UNK] = tables[:, UNK, EOS] = 9.0
    ((best,),) = Beam(allow_unknown=True)(toy(tables), torch.tensor([4]))
    ((greedy_best,),) = Greedy(allow_unknown=True)(toy(tables), torch.tensor([4]))
    assert best.ids == greedy_best.ids == [UNK]


@settings(max_examples=40)
@given(seed=seeds, beams=st.integers(1, 5), limit=st.integers(1, 5))
def test_unfinished_hypotheses_rank_behind_finished_ones(seed: int, beams: int, limit: int) -> None:
    tables = random_tables(seed, 3)
    tables[:, :, EOS] -= 3.0  # so that few finish
    for hypotheses in beam_search(toy(tables), torch.full((3,), limit), Beam(beams), n_best=3 * beams):
        finished = [h.finished for h in hypotheses]
        assert finished == sorted(finished, reverse=True)
        assert finished == [len(h.ids) < limit for h in hypotheses]


def test_best_unfinished_hypothesis_is_returned_if_none_finished() -> None:
    tables = torch.zeros(1, VOCAB_SIZE, VOCAB_SIZE)
    tables[:, :, 4], tables[:, :, EOS] = 9.0, -inf
    ((best,),) = Beam()(toy(tables), torch.tensor([3]))
    ((greedy_best,),) = Greedy()(toy(tables), torch.tensor([3]))
    assert best.ids == greedy_best.ids == [4, 4, 4]
    assert (best.finished, best.truncated) == (greedy_best.finished, greedy_best.truncated) == (False, True)


def test_truncated_reports_that_the_limit_cut_off_a_better_hypothesis() -> None:
    tables = torch.zeros(2, VOCAB_SIZE, VOCAB_SIZE)
    tables[0, :, 4] = 9.0
    tables[0, :, EOS] = 1.0
    tables[1, :, EOS] = 9.0
    (worse,), (best,) = Beam(beams=3)(toy(tables), torch.tensor([3, 3]))
    assert (worse.finished, worse.truncated) == (True, True)
    assert (best.finished, best.truncated) == (True, False)


def test_more_beams_than_tokens_find_all_sequences() -> None:
    (found,) = Beam(beams=500, threshold=inf)(toy(random_tables(0, 1)), torch.tensor([2]), n_best=500)
    assert len(found) == 1 + 3 + 9  # empty, one token and EOS, and two tokens that are cut off


@pytest.mark.parametrize("beams", [1, 2, 5])
@pytest.mark.parametrize("row", [BOS, 4])
def test_nan_raises_at_any_step(beams: int, row: int) -> None:
    """Also if other hypotheses have finished by then."""
    tables = torch.zeros(2, VOCAB_SIZE, VOCAB_SIZE)
    tables[0, :, EOS] = tables[1, :, 4] = 5.0
    tables[1, row] = torch.nan
    with pytest.raises(UserError, match="the model gives NaN for the next token"):
        beam_search(toy(tables), torch.full((2,), 6), Beam(beams, patience=inf, threshold=inf))


def test_no_possible_token_raises() -> None:
    tables = torch.full((1, VOCAB_SIZE, VOCAB_SIZE), -inf)
    tables[:, :, BOS] = 0.0
    for search in (Greedy(), Beam(), Sampling()):
        with pytest.raises(UserError, match="or probability 0 to all that can be generated"):
            search(toy(tables), torch.tensor([3]))


@settings(max_examples=20)
@given(seed=seeds, length_penalty=st.sampled_from([0.0, 1.0]))
def test_wide_beam_is_never_worse_than_greedy(seed: int, length_penalty: float) -> None:
    tables, limits = random_tables(seed, 2), torch.tensor([4, 4])
    for (best,), (greedy_best,) in zip(
        Beam(90, length_penalty, patience=inf, threshold=inf)(toy(tables), limits),
        Greedy()(toy(tables), limits),
        strict=True,
    ):
        normalized = greedy_best.score / ((5 + len(greedy_best.ids) + greedy_best.finished) / 6) ** length_penalty
        assert best.finished
        assert not greedy_best.finished or best.normalized_score >= normalized - 1e-5


def test_finished_sentences_are_removed_from_the_batch() -> None:
    tables = torch.zeros(3, VOCAB_SIZE, VOCAB_SIZE)
    tables[0, :, EOS] = tables[2, :, EOS] = 50.0  # finish at once
    tables[1, :, 4], tables[1, :, EOS] = 50.0, -inf  # never finishes
    restricted: list[list[int]] = []
    calls: list[int] = []
    step, state, *_ = toy(tables)

    def counting_step(tokens: torch.Tensor, state: object) -> object:
        calls.append(len(tokens))
        return step(tokens, state)  # type: ignore[arg-type]

    def restrict(sentences: torch.Tensor) -> object:
        restricted.append(sentences.tolist())
        return counting_step

    problem = DecodingProblem(counting_step, state, restrict)  # type: ignore[arg-type]
    found = Beam(beams=2, length_penalty=0.0)(problem, torch.tensor([6, 6, 6]))
    assert [h.ids for (h,) in found] == [[], [4] * 6, []]
    assert restricted == [[1]]
    assert calls == [3] + [1] * 5
    restricted.clear()
    calls.clear()
    assert [h.ids for (h,) in Greedy()(problem, torch.tensor([6, 6, 6]))] == [[], [4] * 6, []]
    assert restricted[0] == [1]
    assert calls == [3] + [1] * 5


def test_pruned_hypotheses_are_removed_from_the_batch() -> None:
    tables = torch.zeros(1, VOCAB_SIZE, VOCAB_SIZE)
    tables[0, :, 4], tables[0, :, 5], tables[0, :, EOS] = 9.0, 6.5, -9.0
    step, state, restrict, _ = toy(tables)
    calls: list[int] = []

    def counting_step(tokens: torch.Tensor, state: object) -> object:
        calls.append(len(tokens))
        return step(tokens, state)  # type: ignore[arg-type]

    problem = DecodingProblem(counting_step, state, restrict)  # type: ignore[arg-type]
    for threshold, rows in ((2.0, [1, 1, 1, 1]), (3.0, [1, 2, 2, 2]), (inf, [1, 3, 3, 3])):
        calls.clear()
        ((best,),) = Beam(beams=3, threshold=threshold, patience=inf)(problem, torch.tensor([4]))
        assert best.ids == [4] * 4
        assert calls == rows


def test_fewer_than_n_best_hypotheses_if_there_are_no_more() -> None:
    (found,) = Beam(beams=9)(toy(random_tables(0, 1)), torch.tensor([1]), n_best=9)
    assert sorted(h.ids for h in found) == [[], [4], [5], [6]]


def test_empty_batch() -> None:
    limits = torch.zeros(0, dtype=torch.long)
    for search in (Greedy(), Beam(), Beam(beams=1), Sampling()):
        assert search(toy(random_tables(0, 0)), limits) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"beams": 0}, "beams must be at least 1 and at most 10,000, and 0 was given"),
        ({"beams": 2**63}, "beams must be at least 1 and at most 10,000, and 9223372036854775808 was given"),
        ({"n_best": 0}, "n_best must be at least 1"),
        ({"patience": -0.5}, "patience must be at least 0, and -0.5 was given"),
        ({"threshold": nan}, "threshold must be at least 0, and nan was given"),
        ({"length_penalty": -1.0}, "at least 0 and at most 5, and -1.0 was given"),
        ({"length_penalty": 1e308}, r"at least 0 and at most 5, and 1e\+308 was given"),
        ({"limits": torch.tensor([3, 0])}, "at least 1 token, and 0 was given"),
    ],
)
def test_option_out_of_range_raises(wrong: dict[str, object], message: str) -> None:
    call: dict[str, Any] = {"limits": torch.tensor([3, 3]), "n_best": 1} | wrong
    problem, limits, n_best = toy(random_tables(0, 2)), call.pop("limits"), call.pop("n_best")
    with pytest.raises(ValueError, match=message):
        Beam(**call)(problem, limits, n_best)
