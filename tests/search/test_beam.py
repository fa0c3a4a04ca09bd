"""Laws of beam search, on tables small enough to try everything."""

from math import inf, nan

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_tables import WORDS, everything, plain_beam, random_tables, score, toy

from seq2seq.errors import UserError
from seq2seq.search import DecodingProblem, beam_search, greedy
from seq2seq.special_tokens import BOS, EOS, PAD, UNK

seeds = st.integers(0, 2**30)


@settings(max_examples=40)
@given(seed=seeds, limits=st.lists(st.integers(1, 4), min_size=1, max_size=3), alpha=st.sampled_from([0.0, 0.6, 1.0]))
def test_a_wide_beam_finds_what_trying_everything_finds(seed: int, limits: list[int], alpha: float) -> None:
    tables = random_tables(seed, len(limits))
    found = beam_search(
        toy(tables), torch.tensor(limits), beams=90, length_penalty=alpha, n_best=3, patience=inf, threshold=inf
    )
    for table, limit, hypotheses in zip(tables, limits, found, strict=True):
        best = everything(table, limit, alpha)[:3]
        assert [h.ids for h in hypotheses] == [ids for _, ids in best]
        assert [h.rank for h in hypotheses] == pytest.approx([rank for rank, _ in best], abs=1e-4)


@settings(max_examples=60)
@given(
    seed=seeds,
    beams=st.integers(1, 4),
    n_best=st.integers(1, 4),
    alpha=st.sampled_from([0.0, 1.0, 2.0]),
    patience=st.sampled_from([0.0, 0.2, 1.0, inf]),
    threshold=st.sampled_from([0.5, 2.0, inf]),
)
def test_a_narrow_beam_finds_what_plain_beam_search_finds(
    seed: int, beams: int, n_best: int, alpha: float, patience: float, threshold: float
) -> None:
    tables, limits, n_best = random_tables(seed, 3), [8, 2, 5], min(n_best, beams)
    found = beam_search(toy(tables), torch.tensor(limits), beams, alpha, n_best, patience, threshold)
    for table, limit, hypotheses in zip(tables, limits, found, strict=True):
        best = plain_beam(table, limit, beams, alpha, n_best, patience, threshold)
        assert [h.ids for h in hypotheses] == [ids for _, ids in best]
        assert [h.rank for h in hypotheses] == pytest.approx([rank for rank, _ in best], abs=1e-4)


@settings(max_examples=40)
@given(seed=seeds, beams=st.integers(1, 5), alpha=st.sampled_from([0.0, 1.0]))
def test_a_score_is_the_log_probability_of_what_was_written(seed: int, beams: int, alpha: float) -> None:
    tables = random_tables(seed, 2)
    limits = [3, 6]
    found = beam_search(toy(tables), torch.tensor(limits), beams, alpha, n_best=beams)
    for table, limit, hypotheses in zip(tables, limits, found, strict=True):
        for h in hypotheses:
            written = h.ids if len(h.ids) == limit else [*h.ids, EOS]
            assert h.score == pytest.approx(score(table, written), abs=1e-4)
            assert h.rank == pytest.approx(h.score / ((5 + len(written)) / 6) ** alpha, abs=1e-4)


@settings(max_examples=40)
@given(seed=seeds, limit=st.integers(1, 8))
def test_a_beam_of_one_without_length_penalty_is_greedy(seed: int, limit: int) -> None:
    tables, limits = random_tables(seed, 3), torch.full((3,), limit)
    likely = greedy(toy(tables), limits)
    found = [h for (h,) in beam_search(toy(tables), limits, beams=1, length_penalty=0.0)]
    assert [h.ids for h in found] == [h.ids for h in likely]
    assert [h.score for h in found] == pytest.approx([h.score for h in likely])
    assert [h.rank for h in found] == pytest.approx([h.rank for h in likely])


@settings(max_examples=40)
@given(seed=seeds, beams=st.integers(1, 4), alpha=st.sampled_from([0.0, 1.0]))
def test_a_sentence_alone_is_found_as_in_a_batch(seed: int, beams: int, alpha: float) -> None:
    tables, limits = random_tables(seed, 4), torch.tensor([5, 1, 9, 3])
    together = beam_search(toy(tables), limits, beams, alpha, n_best=beams)
    for row in range(4):
        one = slice(row, row + 1)
        (alone,) = beam_search(toy(tables[one]), limits[one], beams, alpha, n_best=beams)
        assert [h.ids for h in alone] == [h.ids for h in together[row]]
        assert [h.score for h in alone] == pytest.approx([h.score for h in together[row]])


@settings(max_examples=40)
@given(seed=seeds, limits=st.lists(st.integers(1, 7), min_size=1, max_size=3))
def test_the_best_are_sorted_distinct_within_their_limits_and_hold_no_marks(seed: int, limits: list[int]) -> None:
    tables = random_tables(seed, len(limits))
    tables[:, :, [PAD, BOS, UNK]] += 5.0  # a model may well find them likely
    for limit, hypotheses in zip(limits, beam_search(toy(tables), torch.tensor(limits), 4, n_best=4), strict=True):
        assert 1 <= len(hypotheses) <= 4
        ranks = [(h.ended, h.rank) for h in hypotheses]
        assert ranks == sorted(ranks, reverse=True)
        assert len({tuple(h.ids) for h in hypotheses}) == len(hypotheses)
        assert all(len(h.ids) <= limit and not {PAD, UNK, BOS, EOS} & set(h.ids) for h in hypotheses)


def test_the_unknown_token_is_written_where_it_is_allowed() -> None:
    tables = torch.zeros(1, WORDS, WORDS)
    tables[:, BOS, UNK] = tables[:, UNK, EOS] = 9.0
    ((best,),) = beam_search(toy(tables), torch.tensor([4]), allow_unknown=True)
    (likely,) = greedy(toy(tables), torch.tensor([4]), allow_unknown=True)
    assert best.ids == likely.ids == [UNK]


@settings(max_examples=40)
@given(seed=seeds, beams=st.integers(1, 5), limit=st.integers(1, 5))
def test_a_hypothesis_without_an_end_ranks_behind_all_that_ended(seed: int, beams: int, limit: int) -> None:
    tables = random_tables(seed, 3)
    tables[:, :, EOS] -= 3.0  # so that few end
    for hypotheses in beam_search(toy(tables), torch.full((3,), limit), beams, n_best=3 * beams):
        ended = [h.ended for h in hypotheses]
        assert ended == sorted(ended, reverse=True)
        assert ended == [len(h.ids) < limit for h in hypotheses]


def test_the_best_is_given_where_none_ended() -> None:
    tables = torch.zeros(1, WORDS, WORDS)
    tables[:, :, 4], tables[:, :, EOS] = 9.0, -inf
    ((best,),) = beam_search(toy(tables), torch.tensor([3]))
    (likely,) = greedy(toy(tables), torch.tensor([3]))
    assert best.ids == likely.ids == [4, 4, 4]
    assert (best.ended, best.limited) == (likely.ended, likely.limited) == (False, True)


def test_it_is_told_that_the_limit_kept_a_better_hypothesis_from_its_end() -> None:
    tables = torch.zeros(2, WORDS, WORDS)
    tables[0, :, 4] = 9.0
    tables[0, :, EOS] = 1.0
    tables[1, :, EOS] = 9.0
    (worse,), (best,) = beam_search(toy(tables), torch.tensor([3, 3]), beams=3)
    assert (worse.ended, worse.limited) == (True, True)
    assert (best.ended, best.limited) == (True, False)


def test_more_beams_than_there_are_tokens_find_what_there_is() -> None:
    (found,) = beam_search(toy(random_tables(0, 1)), torch.tensor([2]), beams=500, n_best=500, threshold=inf)
    assert len(found) == 1 + 3 + 9  # nothing, one token and its end, and two that are cut off


@pytest.mark.parametrize("beams", [1, 2, 5])
@pytest.mark.parametrize("row", [BOS, 4])
def test_nan_is_an_error_whenever_it_comes(beams: int, row: int) -> None:
    """Also where other hypotheses have ended by then."""
    tables = torch.zeros(2, WORDS, WORDS)
    tables[0, :, EOS] = tables[1, :, 4] = 5.0
    tables[1, row] = torch.nan
    with pytest.raises(UserError, match="the model gives NaN for the next token"):
        beam_search(toy(tables), torch.full((2,), 6), beams, patience=inf, threshold=inf)


def test_a_model_that_leaves_no_token_is_an_error() -> None:
    tables = torch.full((1, WORDS, WORDS), -inf)
    tables[:, :, BOS] = 0.0
    for search in (greedy, beam_search):
        with pytest.raises(UserError, match="or probability 0 to all that can be written"):
            search(toy(tables), torch.tensor([3]))


@settings(max_examples=20)
@given(seed=seeds, alpha=st.sampled_from([0.0, 1.0]))
def test_a_wider_beam_of_everything_never_ranks_below_greedy(seed: int, alpha: float) -> None:
    tables, limits = random_tables(seed, 2), torch.tensor([4, 4])
    for (best,), likely in zip(
        beam_search(toy(tables), limits, 90, alpha, patience=inf, threshold=inf),
        greedy(toy(tables), limits),
        strict=True,
    ):
        rank = likely.score / ((5 + len(likely.ids) + likely.ended) / 6) ** alpha
        assert best.ended
        assert not likely.ended or best.rank >= rank - 1e-5


def test_sentences_that_are_found_leave_the_batch() -> None:
    tables = torch.zeros(3, WORDS, WORDS)
    tables[0, :, EOS] = tables[2, :, EOS] = 50.0  # end at once
    tables[1, :, 4], tables[1, :, EOS] = 50.0, -inf  # never ends
    asked: list[list[int]] = []
    calls: list[int] = []
    step, state, _ = toy(tables)

    def watched(tokens: torch.Tensor, state: object) -> object:
        calls.append(len(tokens))
        return step(tokens, state)  # type: ignore[arg-type]

    def narrow(sentences: torch.Tensor) -> object:
        asked.append(sentences.tolist())
        return watched

    problem = DecodingProblem(watched, state, narrow)  # type: ignore[arg-type]
    found = beam_search(problem, torch.tensor([6, 6, 6]), beams=2, length_penalty=0.0)
    assert [h.ids for (h,) in found] == [[], [4] * 6, []]
    assert asked == [[1]]
    assert calls == [3] + [1] * 5
    asked.clear()
    calls.clear()
    assert [h.ids for h in greedy(problem, torch.tensor([6, 6, 6]))] == [[], [4] * 6, []]
    assert asked[0] == [1]
    assert calls == [3] + [1] * 5


def test_hypotheses_that_cannot_win_leave_the_batch() -> None:
    tables = torch.zeros(1, WORDS, WORDS)
    tables[0, :, 4], tables[0, :, 5], tables[0, :, EOS] = 9.0, 6.5, -9.0
    step, state, narrow = toy(tables)
    calls: list[int] = []

    def watched(tokens: torch.Tensor, state: object) -> object:
        calls.append(len(tokens))
        return step(tokens, state)  # type: ignore[arg-type]

    problem = DecodingProblem(watched, state, narrow)  # type: ignore[arg-type]
    for threshold, rows in ((2.0, [1, 1, 1, 1]), (3.0, [1, 2, 2, 2]), (inf, [1, 3, 3, 3])):
        calls.clear()
        ((best,),) = beam_search(problem, torch.tensor([4]), beams=3, threshold=threshold, patience=inf)
        assert best.ids == [4] * 4
        assert calls == rows


def test_fewer_hypotheses_than_asked_for_are_given_where_there_are_no_more() -> None:
    (found,) = beam_search(toy(random_tables(0, 1)), torch.tensor([1]), beams=9, n_best=9)
    assert sorted(h.ids for h in found) == [[], [4], [5], [6]]


def test_a_batch_of_no_sentence_is_found_at_once() -> None:
    limits = torch.zeros(0, dtype=torch.long)
    assert beam_search(toy(random_tables(0, 0)), limits) == []
    assert greedy(toy(random_tables(0, 0)), limits) == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
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
def test_a_number_out_of_range_is_one_sentence(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        beam_search(toy(random_tables(0, 2)), **{"limits": torch.tensor([3, 3]), **wrong})  # type: ignore[arg-type]
