"""Segmentations are drawn from the whole lattice, each with its probability to the power of 1 - sampling."""

import math
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_texts import HARD, learned_subwords, syllables

from seq2seq.tokenizers import Subwords
from seq2seq.tokenizers.escapes import escape
from seq2seq.tokenizers.pieces import SEGMENT, pieces_of
from seq2seq.tokenizers.unigram_sampling import Lattice, UnigramSampler

MODEL = learned_subwords(Subwords(400), syllables())._learned()
PIECES = pieces_of(MODEL)
SEGMENTS = st.tuples(st.sampled_from(["", " ", "  "]), st.text("acdeghinorstuzé", max_size=7)).map("".join).filter(bool)
SAMPLING = st.sampled_from([0.0, 0.2, 0.8, 0.999, 1.0])


def probabilities(lattice: Lattice, position: int = 0) -> Iterator[tuple[tuple[int, ...], float]]:
    """Each segmentation from a position of a lattice on, with its probability."""
    if position == len(lattice.firsts):
        yield (), 1.0
        return
    before = 0.0
    for number in range(lattice.firsts[position], lattice.lasts[position] + 1):
        chance, before = lattice.thresholds[number] - before, lattice.thresholds[number]
        for ids, rest in probabilities(lattice, lattice.ends[number]):
            yield lattice.ids[number] + ids, chance * rest


def enumerated(segment: str, power: float) -> dict[tuple[int, ...], float]:
    """All segmentations by sentencepiece's own numbers, and their probabilities, without a lattice."""
    scores = {MODEL.id_to_piece(i): MODEL.get_score(i) for i in range(260, MODEL.vocab_size())}
    unknown = min(scores.values()) - 10

    def cut(rest: str) -> Iterator[tuple[tuple[int, ...], float]]:
        if not rest:
            yield (), 0.0
            return
        first = [piece for piece in scores if rest.startswith(piece)]
        for piece in first:
            yield from (
                ((MODEL.piece_to_id(piece), *ids), scores[piece] + score) for ids, score in cut(rest[len(piece) :])
            )
        if rest[0] not in first:
            spelled = tuple(MODEL.piece_to_id(f"<0x{byte:02X}>") for byte in rest[0].encode())
            yield from (((*spelled, *ids), unknown + score) for ids, score in cut(rest[1:]))

    found = {ids: math.exp(power * score) for ids, score in cut(segment.replace(" ", "▁"))}
    total = sum(found.values())
    return {ids: weight / total for ids, weight in found.items()}


@given(SEGMENTS, SAMPLING)
def test_a_lattice_gives_each_segmentation_the_probability_that_enumeration_gives(
    segment: str, sampling: float
) -> None:
    expected = enumerated(segment, 1 - sampling)
    found = list(probabilities(UnigramSampler(PIECES, sampling).lattice(segment)))
    assert len(found) == len(expected)
    for ids, probability in found:
        assert probability == pytest.approx(expected[ids], rel=1e-9, abs=1e-15)


def test_draws_are_as_frequent_as_they_are_probable() -> None:
    sampler, draws = UnigramSampler(PIECES, 0.8), 20_000
    counts = Counter(tuple(sampler.sample(" houses", seed)) for seed in range(draws))
    expected = {ids: draws * probability for ids, probability in enumerated(" houses", 0.2).items()}
    assert len(expected) > 8
    distance = sum((counts[ids] - mean) ** 2 / mean for ids, mean in expected.items())
    assert counts.keys() <= expected.keys()
    freedom = len(expected) - 1
    assert distance < freedom + 4 * math.sqrt(2 * freedom)


def test_words_are_drawn_independently() -> None:
    sampler, draws = UnigramSampler(PIECES, 0.8), 4000
    pairs = Counter(
        (ids[: len(ids) // 2] == ids[len(ids) // 2 :])
        for ids in (sampler.sample(" cats cats", seed) for seed in range(draws))
    )
    single = sum(probability**2 for probability in enumerated(" cats", 0.2).values())
    assert pairs[True] / draws == pytest.approx(single, abs=4 * math.sqrt(single / draws))


@pytest.mark.parametrize("text", HARD)
def test_what_is_kept_changes_no_draw(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [UnigramSampler(PIECES, 0.5).sample(escape(text), seed) for seed in range(3)]
    sampler = UnigramSampler(PIECES, 0.5)
    for other in reversed(HARD):
        sampler.sample(escape(other), 0)
    assert [sampler.sample(escape(text), seed) for seed in (2, 1, 0)][::-1] == kept
    monkeypatch.setattr("seq2seq.tokenizers.unigram_sampling._CACHED_LENGTH", 0)
    assert [UnigramSampler(PIECES, 0.5).sample(escape(text), seed) for seed in range(3)] == kept


def test_few_lattices_are_kept_however_many_words_there_are() -> None:
    sampler = UnigramSampler(PIECES, 0.5)
    for number in range(20_000):
        sampler.sample(f" {number}", number)
    assert sampler._cached.cache_info().currsize <= 1 << 14


@given(st.text(" acdeghost▁é", max_size=30))
def test_no_piece_crosses_from_one_segment_into_the_next(text: str) -> None:
    escaped = escape(text)
    segments = SEGMENT.findall(escaped)
    assert "".join(segments) == escaped
    assert [i for segment in segments for i in MODEL.encode(segment)] == MODEL.encode(escaped)
