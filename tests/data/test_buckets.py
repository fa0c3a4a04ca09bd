"""Tests of bucketing by length: complete, bounded, and shuffled only by the random generator."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.buckets import Int32Array, bucket_by_length

PAIRS = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), max_size=80).map(
    lambda pairs: (np.array([a for a, _ in pairs], dtype=np.int64), np.array([b for _, b in pairs], dtype=np.int64))
)
SEEDS = st.none() | st.integers(0, 1000)
TOKENS = st.integers(1, 200)


def make_generator(seed: int | None) -> np.random.Generator | None:
    return None if seed is None else np.random.default_rng(seed)


def make_lengths(count: int = 4000) -> tuple[Int32Array, Int32Array]:
    """Return lengths as in a corpus: targets are about as long as their sources."""
    random = np.random.default_rng(0)
    source = random.integers(3, 50, count)
    return source, np.maximum(1, source + random.integers(-3, 4, count))


@given(PAIRS, TOKENS, SEEDS)
def test_every_row_is_in_one_batch(pairs: tuple[Int32Array, Int32Array], tokens: int, seed: int | None) -> None:
    batches = bucket_by_length(*pairs, tokens, make_generator(seed))
    assert sorted(row for batch in batches for row in batch.tolist()) == list(range(len(pairs[0])))
    assert all(len(batch) for batch in batches)


@given(PAIRS, TOKENS, SEEDS)
def test_only_a_single_sentence_may_exceed_the_limit(
    pairs: tuple[Int32Array, Int32Array], tokens: int, seed: int | None
) -> None:
    for batch in bucket_by_length(*pairs, tokens, make_generator(seed)):
        for side in pairs:
            assert len(batch) == 1 or len(batch) * side[batch].max() <= tokens


@given(PAIRS, TOKENS)
def test_no_batch_could_hold_the_next_sentence(pairs: tuple[Int32Array, Int32Array], tokens: int) -> None:
    lengths = np.maximum(*pairs)
    batches = bucket_by_length(*pairs, tokens)
    for batch, following in pairwise(batches):
        grown = [*batch, following[0]]
        assert len(grown) * lengths[grown].max() > tokens


@given(PAIRS, TOKENS, st.integers(0, 1000), st.integers(0, 1000))
def test_shuffling_only_exchanges_sentences_of_equal_lengths(
    pairs: tuple[Int32Array, Int32Array], tokens: int, one: int, other: int
) -> None:
    def shapes(seed: int) -> list[list[tuple[int, int]]]:
        return sorted(
            sorted((int(pairs[0][row]), int(pairs[1][row])) for row in batch)
            for batch in bucket_by_length(*pairs, tokens, make_generator(seed))
        )

    assert shapes(one) == shapes(other)  # so every epoch has the same number of batches


def test_batches_have_little_padding() -> None:
    source, target = make_lengths()

    def padded_ratio(batches: list[Int32Array], side: Int32Array) -> float:
        return sum(len(batch) * int(side[batch].max()) for batch in batches) / int(side.sum())

    batches = bucket_by_length(source, target, 1500, make_generator(1))
    unsorted = np.array_split(np.random.default_rng(2).permutation(len(source)), len(batches))
    for side in (source, target):
        assert padded_ratio(batches, side) < 1.2
        assert padded_ratio(unsorted, side) > 1.7


def test_seed_decides_the_order_and_the_batches() -> None:
    def plan(seed: int) -> list[list[int]]:
        return [batch.tolist() for batch in bucket_by_length(*make_lengths(), 1500, make_generator(seed))]

    def batch_sets(seed: int) -> set[frozenset[int]]:
        return {frozenset(batch) for batch in plan(seed)}

    assert plan(1) == plan(1)
    assert plan(1) != plan(2)
    assert batch_sets(1) != batch_sets(2)


def test_batches_are_shuffled_across_lengths() -> None:
    source, target = make_lengths()
    widths = [int(target[batch].max()) for batch in bucket_by_length(source, target, 1500, make_generator(1))]
    assert np.corrcoef(widths, np.arange(len(widths)))[0, 1] ** 2 < 0.1


def test_batch_of_zero_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 token, not 0"):
        bucket_by_length(*make_lengths(), 0)
