"""Tests of BPE-dropout against the algorithm of Provilkov et al. (2020), and at dropout rates 0 and 1."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from tokenizer_texts import ANY_STRING, DIFFICULT_TEXTS, learn_subwords, make_ambiguous_lines

from seq2seq.tokenizers import Subwords
from seq2seq.tokenizers.bpe_dropout import BpeDropout
from seq2seq.tokenizers.pieces import SEGMENT, byte_ids, escape, extract_pieces

MODEL = learn_subwords(Subwords(340, "bpe"), make_ambiguous_lines())._get_processor()
PIECES = extract_pieces(MODEL)
WORDS = [" cats", " houses", " runner", "  the", " tthethe", " zé", "big", "   "]

Outcomes = dict[tuple[int, ...], float]


def reference_outcomes(word: str, dropout: float) -> Outcomes:
    """Return every outcome of algorithm 1 of the paper with its probability."""
    outcomes: Outcomes = defaultdict(float)

    def step(symbols: tuple[str, ...], probability: float) -> None:
        pairs = [left + right for left, right in pairwise(symbols)]
        merges = sorted((-PIECES.scores[pair], index) for index, pair in enumerate(pairs) if pair in PIECES.scores)
        for dropped, (_, index) in enumerate(merges):  # the best one that is not dropped
            merged = (*symbols[:index], pairs[index], *symbols[index + 2 :])
            step(merged, probability * dropout**dropped * (1 - dropout))
        ids = (i for symbol in symbols for i in PIECES.ids.get(symbol, byte_ids(symbol)))
        outcomes[tuple(ids)] += probability * dropout ** len(merges)

    step(tuple(word), 1.0)
    return outcomes


def sampler_outcomes(word: str, dropout: float) -> Outcomes:
    """Return every outcome of the sampler, from the geometric gaps between dropped merges."""
    outcomes: Outcomes = defaultdict(float)
    sampler = BpeDropout(PIECES, dropout)

    def visit(drops: tuple[int, ...], probability: float) -> None:
        merged = sampler.merge(word, drops)
        start = drops[-1] + 1 if drops else 0
        for drop in range(start, merged.num_considered):
            visit((*drops, drop), probability * (1 - dropout) ** (drop - start) * dropout)
        outcomes[merged.ids] += probability * (1 - dropout) ** (merged.num_considered - start)

    visit((), 1.0)
    return outcomes


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("dropout", [0.1, 0.6])
def test_outcome_probabilities_equal_the_published_algorithm(word: str, dropout: float) -> None:
    expected, actual = reference_outcomes(word, dropout), sampler_outcomes(word, dropout)
    assert actual.keys() == expected.keys()
    assert sum(actual.values()) == pytest.approx(1)
    for ids, probability in expected.items():
        assert actual[ids] == pytest.approx(probability)


@pytest.mark.parametrize("dropout", [0.1, 0.6])
def test_sample_frequencies_match_the_probabilities(dropout: float) -> None:
    sampler, samples = BpeDropout(PIECES, dropout), 10_000
    counts: Outcomes = defaultdict(float)
    for seed in range(samples):
        counts[tuple(sampler.sample(" houses", seed))] += 1
    expected = reference_outcomes(" houses", dropout)
    assert counts.keys() <= expected.keys()
    for ids, probability in expected.items():
        deviation = (samples * probability * (1 - probability)) ** 0.5
        assert abs(counts[ids] - samples * probability) < 4.5 * deviation + 1


@given(ANY_STRING)
def test_merging_without_drops_equals_sentencepiece(text: str) -> None:
    escaped = escape(text.encode(errors="replace").decode())
    sampler = BpeDropout(PIECES, 0.1)
    assert [i for segment in SEGMENT.findall(escaped) for i in sampler.merge(segment).ids] == MODEL.encode(escaped)
    for tiny in (5e-324, 1e-17):
        assert BpeDropout(PIECES, tiny).sample(escaped, 1) == MODEL.encode(escaped)


@pytest.mark.parametrize("text", DIFFICULT_TEXTS)
def test_dropping_every_merge_leaves_characters(text: str) -> None:
    expected = [i for character in escape(text) for i in PIECES.ids.get(character, byte_ids(character))]
    assert BpeDropout(PIECES, 1.0).sample(escape(text), 1) == expected


@pytest.mark.parametrize("text", DIFFICULT_TEXTS)
@pytest.mark.parametrize("dropout", [0.1, 0.2, 0.7])
def test_samples_do_not_depend_on_the_cache(text: str, dropout: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def samples() -> Iterator[list[int]]:
        sampler = BpeDropout(PIECES, dropout)
        sampler.sample(" the cats", 5)
        return (sampler.sample(escape(text), seed) for seed in range(3))

    expected = list(samples())
    for limit in (0.0, 1.0):
        monkeypatch.setattr("seq2seq.tokenizers.bpe_dropout._MAX_CACHED_DROPOUT", limit)
        for length in (0, 50):
            monkeypatch.setattr("seq2seq.tokenizers.bpe_dropout._MAX_CACHED_LENGTH", length)
            assert list(samples()) == expected
