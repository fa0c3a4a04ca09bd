"""Merges are left out as Provilkov et al. (2020) do it, and none or all of them at the ends of the scale."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from tokenizer_texts import ANY_STRING, HARD, learned_subwords, syllables

from seq2seq.tokenizers import Subwords
from seq2seq.tokenizers.bpe_dropout import BpeDropout
from seq2seq.tokenizers.escapes import escape
from seq2seq.tokenizers.pieces import SEGMENT, byte_ids, pieces_of

MODEL = learned_subwords(Subwords(340, "bpe"), syllables())._learned()
PIECES = pieces_of(MODEL)
WORDS = [" cats", " houses", " runner", "  the", " tthethe", " zé", "big", "   "]

Outcomes = dict[tuple[int, ...], float]


def published(word: str, dropout: float) -> Outcomes:
    """Every outcome of the paper's algorithm 1, and its probability: each merge of each step is dropped or not."""
    outcomes: Outcomes = defaultdict(float)

    def step(symbols: tuple[str, ...], probability: float) -> None:
        pairs = [left + right for left, right in pairwise(symbols)]
        merges = sorted((-PIECES.scores[pair], place) for place, pair in enumerate(pairs) if pair in PIECES.scores)
        for number, (_, place) in enumerate(merges):  # the best one that is not dropped
            merged = (*symbols[:place], pairs[place], *symbols[place + 2 :])
            step(merged, probability * dropout**number * (1 - dropout))
        ids = (i for symbol in symbols for i in PIECES.ids.get(symbol, byte_ids(symbol)))
        outcomes[tuple(ids)] += probability * dropout ** len(merges)

    step(tuple(word), 1.0)
    return outcomes


def ours(word: str, dropout: float) -> Outcomes:
    """The same by our numbering of merges, whose gaps are geometric."""
    outcomes: Outcomes = defaultdict(float)
    sampler = BpeDropout(PIECES, dropout)

    def follow(drops: tuple[int, ...], probability: float) -> None:
        merged = sampler.merge(word, drops)
        begin = drops[-1] + 1 if drops else 0
        for drop in range(begin, merged.considered):
            follow((*drops, drop), probability * (1 - dropout) ** (drop - begin) * dropout)
        outcomes[merged.ids] += probability * (1 - dropout) ** (merged.considered - begin)

    follow((), 1.0)
    return outcomes


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("dropout", [0.1, 0.6])
def test_every_outcome_is_as_probable_as_published(word: str, dropout: float) -> None:
    expected, found = published(word, dropout), ours(word, dropout)
    assert found.keys() == expected.keys()
    assert sum(found.values()) == pytest.approx(1)
    for ids, probability in expected.items():
        assert found[ids] == pytest.approx(probability)


@pytest.mark.parametrize("dropout", [0.1, 0.6])
def test_draws_are_as_frequent_as_they_are_probable(dropout: float) -> None:
    sampler, draws = BpeDropout(PIECES, dropout), 10_000
    counts: Outcomes = defaultdict(float)
    for seed in range(draws):
        counts[tuple(sampler.sample(" houses", seed))] += 1
    expected = published(" houses", dropout)
    assert counts.keys() <= expected.keys()
    for ids, probability in expected.items():
        deviation = (draws * probability * (1 - probability)) ** 0.5
        assert abs(counts[ids] - draws * probability) < 4.5 * deviation + 1


@given(ANY_STRING)
def test_without_drops_it_is_the_encoding(text: str) -> None:
    escaped = escape(text.encode(errors="replace").decode())
    sampler = BpeDropout(PIECES, 0.1)
    assert [i for segment in SEGMENT.findall(escaped) for i in sampler.merge(segment).ids] == MODEL.encode(escaped)
    for tiny in (5e-324, 1e-17):
        assert BpeDropout(PIECES, tiny).sample(escaped, 1) == MODEL.encode(escaped)


@pytest.mark.parametrize("text", HARD)
def test_with_every_merge_dropped_characters_are_left(text: str) -> None:
    expected = [i for character in escape(text) for i in PIECES.ids.get(character, byte_ids(character))]
    assert BpeDropout(PIECES, 1.0).sample(escape(text), 1) == expected


@pytest.mark.parametrize("text", HARD)
@pytest.mark.parametrize("dropout", [0.1, 0.2, 0.7])
def test_what_is_kept_changes_no_draw(text: str, dropout: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn() -> Iterator[list[int]]:
        sampler = BpeDropout(PIECES, dropout)
        sampler.sample(" the cats", 5)
        return (sampler.sample(escape(text), seed) for seed in range(3))

    kept = list(drawn())
    for limit in (0.0, 1.0):
        monkeypatch.setattr("seq2seq.tokenizers.bpe_dropout._CACHED_DROPOUT", limit)
        for length in (0, 50):
            monkeypatch.setattr("seq2seq.tokenizers.bpe_dropout._CACHED_LENGTH", length)
            assert list(drawn()) == kept
