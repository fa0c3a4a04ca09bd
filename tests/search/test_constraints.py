"""Constraints hold in every search, and the best of what remains is found."""

import itertools
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from toy_tables import (
    TEXT_TOKENS,
    VOCAB_SIZE,
    ToyState,
    exhaustive_search,
    plain_beam,
    random_tables,
    score,
    step,
    toy,
)

from seq2seq.errors import UserError
from seq2seq.search import Beam, Constraints, DecodingProblem, Greedy, Sampling, Search, sample
from seq2seq.search.beam import beam_search
from seq2seq.search.ensemble import ensemble
from seq2seq.search.problem import ShortlistIds, top_tokens
from seq2seq.special_tokens import BOS, EOS, NO_TOKEN

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

    def exclude_by_prefix(self, scores: Tensor, prefixes: Tensor, sentences: Tensor) -> None:
        if not prefixes.shape[1]:
            scores[:, torch.arange(scores.shape[1]) != self.first] = -inf


@pytest.mark.parametrize("beams", [1, 2, 4])
def test_constraints_by_prefix_apply_to_the_first_token(beams: int) -> None:
    tables, first = random_tables(3, 4), TEXT_TOKENS[-1]
    for hypothesis, *_ in ForcedStart(beams, first=first)(toy(tables), torch.full((4,), 5)):
        assert hypothesis.ids[0] == first


class ShortlistState(NamedTuple):
    toy: ToyState
    sentence: Tensor


def shortlisted(tables: Tensor, ids: Tensor) -> DecodingProblem[ShortlistState]:
    """Return the toy problem whose tokens and logits are indices in a shortlist of each sentence."""

    def shortlist_step(tokens: Tensor, state: ShortlistState) -> tuple[Tensor, ShortlistState]:
        columns = ids[state.sentence]
        logits, toy_state = step(columns.gather(1, tokens[:, None]).squeeze(1), state.toy)
        chosen = logits.gather(1, columns.clamp(min=0)).masked_fill(columns == NO_TOKEN, -inf)
        return chosen, ShortlistState(toy_state, state.sentence)

    state = ShortlistState(toy(tables).state, torch.arange(len(tables)))
    return DecodingProblem(shortlist_step, state, lambda _: shortlist_step, ShortlistIds(ids, VOCAB_SIZE))


class BannedToken(Constraints):
    """Never generates the first token of text."""

    def excluded_tokens(self, length: int) -> list[int]:
        return [*super().excluded_tokens(length), TEXT_TOKENS[0]]


class ForcedStarts(Constraints):
    """Forces each sentence's own first token, and generates no token twice in a row."""

    need_prefixes = True

    def exclude_by_prefix(self, scores: Tensor, prefixes: Tensor, sentences: Tensor) -> None:
        super().exclude_by_prefix(scores, prefixes, sentences)
        if prefixes.shape[1]:
            scores.scatter_(1, prefixes[:, -1:], -inf)
        else:
            scores[torch.arange(VOCAB_SIZE) != FIRST_TOKENS[sentences, None]] = -inf


class BuiltIn(Constraints):
    """The constraints that every search has."""


FIRST_TOKENS = torch.tensor([6, 5, 6, 4])
SHORTLISTS = torch.tensor([[5, 6, NO_TOKEN], [5, 6, NO_TOKEN], [4, 6, NO_TOKEN], [4, 5, 6]])


@pytest.mark.parametrize("options", [{}, {"min_length": 2, "no_repeat_ngram_size": 2}], ids=["", "built-in"])
@pytest.mark.parametrize("constraint", [BannedToken, ForcedStarts, BuiltIn])
@pytest.mark.parametrize(
    ("kind", "fields", "n_best"),
    [
        (Greedy, {}, 1),
        (Beam, {"beams": 1}, 1),
        (Beam, {"beams": 3}, 1),
        (Beam, {"beams": 3}, 3),
        (Sampling, {"temperature": 0}, 3),
    ],
    ids=["greedy", "beam of one", "beam", "best of beam", "sampling"],
)
def test_constraints_with_a_shortlist_are_those_of_its_tokens(
    constraint: type, kind: type, fields: dict[str, Any], n_best: int, options: dict[str, Any]
) -> None:
    """The search equals that of the whole vocabulary where tokens outside the shortlist have probability 0."""
    search = type("Constrained", (constraint, kind), {})(**fields, **options)
    ids = torch.cat([torch.arange(4).expand(4, -1), SHORTLISTS], dim=1)
    tables, limits = random_tables(11, 4), torch.tensor([6, 1, 9, 3])
    outside = (ids[:, :, None] != torch.arange(VOCAB_SIZE)).all(dim=1)
    whole = search(toy(tables.masked_fill(outside[:, None], -inf)), limits, n_best)
    assert len({tuple(hypotheses[0].ids) for hypotheses in whole}) > 1
    for tokens, expected, found in zip(ids, whole, search(shortlisted(tables, ids), limits, n_best), strict=True):
        assert [tokens[h.ids].tolist() for h in found] == [h.ids for h in expected]
        assert [h.score for h in found] == pytest.approx([h.score for h in expected], abs=1e-5)
        if constraint is BannedToken:
            assert all(TEXT_TOKENS[0] not in h.ids for h in expected)


def test_an_ensemble_constrains_the_tokens_of_its_shortlist() -> None:
    ids = torch.cat([torch.arange(4).expand(4, -1), SHORTLISTS], dim=1)
    problem = ensemble([shortlisted(random_tables(seed, 4), ids) for seed in (1, 2)])
    search = type("Forced", (ForcedStarts, Beam), {})(3)
    starts = [ids[row, h.ids[0]] for row, (h, *_) in enumerate(search(problem, torch.full((4,), 4)))]
    assert starts == FIRST_TOKENS.tolist()


def test_a_token_beyond_those_of_the_kernel_is_excluded() -> None:
    logits = torch.zeros(1, 100)
    logits[0, 90] = 9.0
    banned = type("Banned", (Constraints,), {"excluded_tokens": lambda self, length: [90]})()
    assert 90 not in top_tokens(logits, 99, banned, 1)[1][0].tolist()[:98]
