"""Tests of unigram sampling against the enumeration of all segmentations."""

import math
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_texts import DIFFICULT_TEXTS, learn_subwords, make_ambiguous_lines

from seq2seq.tokenizers import Subwords
from seq2seq.tokenizers.pieces import SEGMENT, escape, extract_pieces
from seq2seq.tokenizers.unigram_sampling import Lattice, UnigramSampler

MODEL = learn_subwords(Subwords(400), make_ambiguous_lines())._get_processor()
PIECES = extract_pieces(MODEL)
SEGMENTS = st.tuples(st.sampled_from(["", " ", "  "]), st.text("acdeghinorstuzé", max_size=7)).map("".join).filter(bool)
SAMPLING = st.sampled_from([0.0, 0.2, 0.8, 0.999, 1.0])


def probabilities(lattice: Lattice, position: int = 0) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yield each segmentation from a position of a lattice on, with its probability."""
    if position == len(lattice.first_piece):
        yield (), 1.0
        return
    cumulative = 0.0
    for piece in range(lattice.first_piece[position], lattice.last_piece[position] + 1):
        probability, cumulative = lattice.thresholds[piece] - cumulative, lattice.thresholds[piece]
        for ids, rest in probabilities(lattice, lattice.ends[piece]):
            yield lattice.ids[piece] + ids, probability * rest


def enumerate_segmentations(segment: str, power: float) -> dict[tuple[int, ...], float]:
    """Return all segmentations and their probabilities from sentencepiece's scores, without a lattice."""
    scores = {MODEL.id_to_piece(i): MODEL.get_score(i) for i in range(260, MODEL.vocab_size())}
    unknown = min(scores.values()) - 10

    def segment_rest(rest: str) -> Iterator[tuple[tuple[int, ...], float]]:
        if not rest:
            yield (), 0.0
            return
        candidates = [piece for piece in scores if rest.startswith(piece)]
        for piece in candidates:
            yield from (
                ((MODEL.piece_to_id(piece), *ids), scores[piece] + score)
                for ids, score in segment_rest(rest[len(piece) :])
            )
        if rest[0] not in candidates:
            spelled = tuple(MODEL.piece_to_id(f"<0x{byte:02X}>") for byte in rest[0].encode())
            yield from (((*spelled, *ids), unknown + score) for ids, score in segment_rest(rest[1:]))

    weights = {ids: math.exp(power * score) for ids, score in segment_rest(segment.replace(" ", "▁"))}
    total = sum(weights.values())
    return {ids: weight / total for ids, weight in weights.items()}


@given(SEGMENTS, SAMPLING)
def test_lattice_probabilities_equal_enumeration(segment: str, sampling: float) -> None:
    expected = enumerate_segmentations(segment, 1 - sampling)
    actual = list(probabilities(UnigramSampler(PIECES, sampling).build_lattice(segment)))
    assert len(actual) == len(expected)
    for ids, probability in actual:
        assert probability == pytest.approx(expected[ids], rel=1e-9, abs=1e-15)


def test_sample_frequencies_match_the_probabilities() -> None:
    sampler, samples = UnigramSampler(PIECES, 0.8), 20_000
    counts = Counter(tuple(sampler.sample(" houses", seed)) for seed in range(samples))
    expected = {ids: samples * probability for ids, probability in enumerate_segmentations(" houses", 0.2).items()}
    assert len(expected) > 8
    chi_squared = sum((counts[ids] - mean) ** 2 / mean for ids, mean in expected.items())
    assert counts.keys() <= expected.keys()
    degrees_of_freedom = len(expected) - 1
    assert chi_squared < degrees_of_freedom + 4 * math.sqrt(2 * degrees_of_freedom)


def test_words_are_sampled_independently() -> None:
    sampler, samples = UnigramSampler(PIECES, 0.8), 4000
    pairs = Counter(
        (ids[: len(ids) // 2] == ids[len(ids) // 2 :])
        for ids in (sampler.sample(" cats cats", seed) for seed in range(samples))
    )
    single = sum(probability**2 for probability in enumerate_segmentations(" cats", 0.2).values())
    assert pairs[True] / samples == pytest.approx(single, abs=4 * math.sqrt(single / samples))


@pytest.mark.parametrize("text", DIFFICULT_TEXTS)
def test_samples_do_not_depend_on_the_cache(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [UnigramSampler(PIECES, 0.5).sample(escape(text), seed) for seed in range(3)]
    sampler = UnigramSampler(PIECES, 0.5)
    for other in reversed(DIFFICULT_TEXTS):
        sampler.sample(escape(other), 0)
    assert [sampler.sample(escape(text), seed) for seed in (2, 1, 0)][::-1] == expected
    monkeypatch.setattr("seq2seq.tokenizers.unigram_sampling._MAX_CACHED_LENGTH", 0)
    assert [UnigramSampler(PIECES, 0.5).sample(escape(text), seed) for seed in range(3)] == expected


def test_lattice_cache_is_bounded() -> None:
    sampler = UnigramSampler(PIECES, 0.5)
    for number in range(20_000):
        sampler.sample(f" {number}", number)
    assert sampler._cached_lattice.cache_info().currsize <= 1 << 14


@given(st.text(" acdeghost▁é", max_size=30))
def test_no_piece_crosses_segment_boundaries(text: str) -> None:
    escaped = escape(text)
    segments = SEGMENT.findall(escaped)
    assert "".join(segments) == escaped
    assert [i for segment in segments for i in MODEL.encode(segment)] == MODEL.encode(escaped)
