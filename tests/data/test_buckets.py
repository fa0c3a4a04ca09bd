"""Laws of batches of like length: nothing is lost, nothing is too large, and only chance changes the order."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.buckets import Lengths, buckets

PAIRS = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), max_size=80).map(
    lambda pairs: (np.array([a for a, _ in pairs], dtype=np.int64), np.array([b for _, b in pairs], dtype=np.int64))
)
SEEDS = st.none() | st.integers(0, 1000)
TOKENS = st.integers(1, 200)


def drawn(seed: int | None) -> np.random.Generator | None:
    return None if seed is None else np.random.default_rng(seed)


def many(count: int = 4000) -> tuple[Lengths, Lengths]:
    """Lengths as in a corpus: translations are about as long as what they translate."""
    random = np.random.default_rng(0)
    source = random.integers(3, 50, count)
    return source, np.maximum(1, source + random.integers(-3, 4, count))


@given(PAIRS, TOKENS, SEEDS)
def test_every_row_is_in_one_batch(pairs: tuple[Lengths, Lengths], tokens: int, seed: int | None) -> None:
    batches = buckets(*pairs, tokens, drawn(seed))
    assert sorted(row for batch in batches for row in batch.tolist()) == list(range(len(pairs[0])))
    assert all(len(batch) for batch in batches)


@given(PAIRS, TOKENS, SEEDS)
def test_only_a_single_sentence_may_exceed_the_limit(
    pairs: tuple[Lengths, Lengths], tokens: int, seed: int | None
) -> None:
    for batch in buckets(*pairs, tokens, drawn(seed)):
        for side in pairs:
            assert len(batch) == 1 or len(batch) * side[batch].max() <= tokens


@given(PAIRS, TOKENS)
def test_no_batch_has_room_for_the_next_sentence(pairs: tuple[Lengths, Lengths], tokens: int) -> None:
    longer = np.maximum(*pairs)
    batches = buckets(*pairs, tokens)
    for batch, following in pairwise(batches):
        grown = [*batch, following[0]]
        assert len(grown) * longer[grown].max() > tokens


@given(PAIRS, TOKENS, st.integers(0, 1000), st.integers(0, 1000))
def test_chance_moves_sentences_only_among_those_of_their_lengths(
    pairs: tuple[Lengths, Lengths], tokens: int, one: int, other: int
) -> None:
    def shapes(seed: int) -> list[list[tuple[int, int]]]:
        return sorted(
            sorted((int(pairs[0][row]), int(pairs[1][row])) for row in batch)
            for batch in buckets(*pairs, tokens, drawn(seed))
        )

    assert shapes(one) == shapes(other)  # so there are equally many batches in every epoch


def test_like_lengths_are_together() -> None:
    source, target = many()

    def padded(batches: list[Lengths], side: Lengths) -> float:
        return sum(len(batch) * int(side[batch].max()) for batch in batches) / int(side.sum())

    batches = buckets(source, target, 1500, drawn(1))
    mixed = np.array_split(np.random.default_rng(2).permutation(len(source)), len(batches))
    for side in (source, target):
        assert padded(batches, side) < 1.2
        assert padded(mixed, side) > 1.7


def test_equal_chance_gives_equal_batches_and_other_chance_another_order_and_other_neighbours() -> None:
    def plan(seed: int) -> list[list[int]]:
        return [batch.tolist() for batch in buckets(*many(), 1500, drawn(seed))]

    def neighbours(seed: int) -> set[frozenset[int]]:
        return {frozenset(batch) for batch in plan(seed)}

    assert plan(1) == plan(1)
    assert plan(1) != plan(2)
    assert neighbours(1) != neighbours(2)


def test_batches_of_short_and_long_sentences_come_mixed() -> None:
    source, target = many()
    widths = [int(target[batch].max()) for batch in buckets(source, target, 1500, drawn(1))]
    assert np.corrcoef(widths, np.arange(len(widths)))[0, 1] ** 2 < 0.1


def test_a_batch_of_no_token_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 token, not 0"):
        buckets(*many(), 0)
