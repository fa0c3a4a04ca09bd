"""Constraints hold in every search, and the best of what remains is found."""

import itertools
from dataclasses import dataclass
from math import inf

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from toy_tables import TEXT_TOKENS, exhaustive_search, plain_beam, random_tables, score, toy

from seq2seq.errors import UserError
from seq2seq.search import Beam, Constraints, Greedy, Sampling, Search, sample
from seq2seq.search.beam import beam_search
from seq2seq.special_tokens import BOS, EOS

seeds = st.integers(0, 2**30)
constraints = st.builds(Constraints, min_length=st.integers(0, 4), no_repeat_ngram_size=st.sampled_from([0, 2, 3]))


def is_allowed(tokens: list[int], allowed: Constraints) -> bool:
    """Whether a sequence that may end with EOS meets the constraints, by their definition."""
    size, ids = allowed.no_repeat_ngram_size, [token for token in tokens if token != EOS]
    ngrams = [tuple(ids[start : start + size]) for start in range(len(ids) - size + 1)] if size else []
    return len(ngrams) == len(set(ngrams)) and (EOS not in tokens or len(ids) >= allowed.min_length)


@settings(max_examples=20)
@given(seed=seeds, limits=st.lists(st.integers(1, 4), min_size=1, max_size=2), allowed=constraints)
def test_wide_beam_equals_exhaustive_search_among_allowed_sequences(
    seed: int, limits: list[int], allowed: Constraints
) -> None:
    tables = random_tables(seed, len(limits))
    tables[:, :, EOS] += 2.0  # so that many would end early
    search = Beam(90, 0.6, patience=inf, threshold=inf, **vars(allowed))
    for table, limit, found in zip(tables, limits, search(toy(tables), torch.tensor(limits), 3), strict=True):
        sequences = exhaustive_search(table, limit, 0.6)
        best = [s for s in sequences if is_allowed([*s[1], EOS][:limit], allowed)][:3]
        assert [h.ids for h in found] == [ids for _, ids in best]
        assert [h.normalized_score for h in found] == pytest.approx([normalized for normalized, _ in best], abs=1e-4)


@settings(max_examples=60)
@given(seed=seeds, beams=st.integers(1, 4), allowed=constraints)
def test_narrow_beam_equals_plain_beam_search_among_allowed_sequences(
    seed: int, beams: int, allowed: Constraints
) -> None:
    tables, limits = random_tables(seed, 3), [8, 2, 5]
    found = beam_search(toy(tables), torch.tensor(limits), Beam(beams, **vars(allowed)))
    for table, limit, ((hypothesis), *_) in zip(tables, limits, found, strict=True):
        ((_, ids),) = plain_beam(table, limit, beams, 1.0, 1, 0.2, 2.0, lambda tokens: is_allowed(tokens, allowed))
        assert hypothesis.ids == ids


@settings(max_examples=40)
@given(seed=seeds, limit=st.integers(1, 7), allowed=constraints)
def test_greedy_search_takes_the_most_likely_allowed_token(seed: int, limit: int, allowed: Constraints) -> None:
    tables = random_tables(seed, 2)
    for table, (h,) in zip(tables, Greedy(**vars(allowed))(toy(tables), torch.tensor([limit, limit])), strict=True):
        tokens = h.ids if len(h.ids) == limit else [*h.ids, EOS]
        assert h.score == pytest.approx(score(table, tokens), abs=1e-4)
        for length, token in enumerate(tokens):
            choices = [t for t in [*TEXT_TOKENS, EOS] if is_allowed([*tokens[:length], t], allowed)]
            last = tokens[length - 1] if length else BOS
            assert table[last, token] == max(table[last, choice] for choice in choices)


@settings(max_examples=40)
@given(seed=seeds, limit=st.integers(1, 7), allowed=constraints)
def test_sampled_hypotheses_are_allowed_and_ranked(seed: int, limit: int, allowed: Constraints) -> None:
    tables = random_tables(seed, 3, sharpness=1.0)
    search = Sampling(seed=seed, **vars(allowed))
    for table, found in zip(tables, search(toy(tables), torch.full((3,), limit), 5), strict=True):
        assert len(found) == 5
        ranks = [(not h.finished, -h.score) for h in found]
        assert ranks == sorted(ranks)
        for h in found:
            tokens = h.ids if len(h.ids) == limit else [*h.ids, EOS]
            assert is_allowed(tokens, allowed)
            assert h.score == pytest.approx(score(table, tokens), abs=1e-4)


@pytest.mark.parametrize("search", [Greedy(), Beam(3), Beam(1), Sampling(temperature=0.5)])
def test_a_constraint_that_excludes_nothing_changes_nothing(search: Search) -> None:
    """Also not by way of the scores, which a constraint of each row's tokens computes without the kernel."""
    tables, limits = random_tables(3, 4), torch.tensor([5, 9, 1, 7])
    unused = type(search)(**vars(search) | {"no_repeat_ngram_size": 20})
    for expected, found in zip(search(toy(tables), limits), unused(toy(tables), limits), strict=True):
        assert [h.ids for h in found] == [h.ids for h in expected]
        assert [h.score for h in found] == pytest.approx([h.score for h in expected], abs=1e-5)


def test_sampling_draws_in_proportion_to_the_probabilities() -> None:
    tables = random_tables(5, 1, sharpness=1.0)
    (found,) = Sampling()(toy(tables), torch.tensor([1]), 5_000)
    first = torch.tensor([*(h.ids[0] if h.ids else EOS for h in found)]).bincount(minlength=7) / 5_000
    expected = tables[0, BOS].clone()
    expected[:3] = -inf
    torch.testing.assert_close(first, expected.softmax(0), rtol=0, atol=0.03)


@pytest.mark.parametrize(("size", "repeats"), [(0, True), (3, False)])
def test_draws_without_end_repeat_no_ngram(size: int, repeats: bool) -> None:
    """The most likely token alone repeats itself, since it depends on the last one only."""
    tables, sampling = random_tables(7, 3), Sampling(temperature=0, no_repeat_ngram_size=size)
    draws = sample(toy(tables).step, torch.full((3,), BOS), toy(tables).state, sampling, torch.Generator())
    for ids in torch.stack([draw.tokens for draw in itertools.islice(draws, 9)], dim=1).tolist():
        ngrams = list(zip(ids, ids[1:], ids[2:], strict=False))
        assert (len(set(ngrams)) < len(ngrams)) == repeats


def test_sampling_depends_on_its_seed() -> None:
    tables, limits = random_tables(7, 3, sharpness=0.1), torch.full((3,), 30)
    first, repeated, other = (Sampling(seed=seed)(toy(tables), limits) for seed in (1, 1, 2))
    assert first == repeated != other


@pytest.mark.parametrize("search", [Greedy, Beam, Sampling])
@pytest.mark.parametrize("option", ["min_length", "no_repeat_ngram_size"])
def test_constraint_out_of_range_raises(search: type[Search], option: str) -> None:
    with pytest.raises(UserError, match=f"{option} must be at least 0 and at most 2,147,483,647, and -1 was given"):
        search(**{option: -1})


@dataclass(frozen=True)
class ForcedStart(Beam):
    """Forces the first token, as a prefix would."""

    first: int = 5

    @property
    def need_prefixes(self) -> bool:
        return True

    def exclude_by_prefix(self, scores: Tensor, prefixes: Tensor) -> None:
        if not prefixes.shape[1]:
            scores[:, torch.arange(scores.shape[1]) != self.first] = -inf


@pytest.mark.parametrize("beams", [1, 2, 4])
def test_constraints_by_prefix_apply_to_the_first_token(beams: int) -> None:
    tables, first = random_tables(3, 4), TEXT_TOKENS[-1]
    for hypothesis, *_ in ForcedStart(beams, first=first)(toy(tables), torch.full((4,), 5)):
        assert hypothesis.ids[0] == first
