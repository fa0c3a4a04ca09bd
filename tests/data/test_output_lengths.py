"""Tests of the maximum lengths of translations."""

import math
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.output_lengths import OutputLengths
from seq2seq.errors import UserError

LENGTHS = st.integers(1, 40)
PAIRS = st.lists(st.tuples(LENGTHS, LENGTHS), min_size=1, max_size=30)


def learn(pairs: list[tuple[int, int]]) -> OutputLengths:
    source, target = np.array(pairs, dtype=np.int32).T
    return OutputLengths.learn(source, target)


@given(PAIRS, st.integers(0, 100))
def test_limit_equals_its_definition(pairs: list[tuple[int, int]], length: int) -> None:
    (limit,) = learn(pairs).limits([length])
    shortest, longest = min(source for source, _ in pairs), max(source for source, _ in pairs)
    if length > longest:
        source, target = max(pairs, key=lambda pair: pair[1] / pair[0])
        assert limit == math.ceil(3 * target * length / (2 * source)) + 10
    else:
        targets = [target for source, target in pairs if source <= max(length, shortest)]
        assert limit == math.ceil(1.5 * max(targets)) + 10


@given(PAIRS)
def test_limit_is_at_least_one_and_a_half_training_targets(pairs: list[tuple[int, int]]) -> None:
    limits = learn(pairs).limits(source for source, _ in pairs)
    assert all(limit >= 1.5 * target + 10 for limit, (_, target) in zip(limits, pairs, strict=True))


@given(PAIRS)
def test_limit_grows_with_the_source_length(pairs: list[tuple[int, int]]) -> None:
    limits = learn(pairs).limits(range(120))
    assert limits == sorted(limits)


@given(PAIRS)
def test_every_stored_length_is_needed(pairs: list[tuple[int, int]]) -> None:
    output_lengths = learn(pairs)
    for index in range(len(output_lengths.sources)):
        sides = output_lengths.sources, output_lengths.targets
        fewer = [[*side[:index], *side[index + 1 :]] for side in sides]
        if fewer[0]:
            other = OutputLengths(*fewer, output_lengths.longest_source, output_lengths.ratio)
            assert other.limits(range(41)) != output_lengths.limits(range(41))


@given(st.lists(PAIRS, min_size=1, max_size=4))
def test_merge_equals_learning_from_all_pairs(parts: list[list[tuple[int, int]]]) -> None:
    assert OutputLengths.merge([learn(pairs) for pairs in parts]) == learn([*chain(*parts)])


@given(PAIRS, st.randoms())
def test_order_of_the_pairs_does_not_matter(pairs: list[tuple[int, int]], random: Any) -> None:
    shuffled = pairs.copy()
    random.shuffle(shuffled)
    assert learn(shuffled).limits(range(100)) == learn(pairs).limits(range(100))


@given(PAIRS)
def test_state_round_trip(pairs: list[tuple[int, int]]) -> None:
    output_lengths = learn(pairs)
    state = output_lengths.state_dict()
    assert OutputLengths.from_state(state) == output_lengths
    values = [*state["sources"], *state["targets"], *state["ratio"], state["longest_source"]]
    assert {type(value) for value in values} == {int}


STATE = {"sources": [1, 3], "targets": [5, 20], "longest_source": 9, "ratio": [20, 3]}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (None, "output_lengths must have the entries sources, targets, longest_source, ratio"),
        ({**STATE, "more": 1}, "must have the entries"),
        ({"sources": [1]}, "must have the entries"),
        ({**STATE, "sources": []}, "output_lengths.sources must be ascending whole numbers"),
        ({**STATE, "sources": [3, 1]}, "output_lengths.sources must be ascending"),
        ({**STATE, "sources": [0, 1]}, "output_lengths.sources must be ascending whole numbers from 1"),
        ({**STATE, "sources": "13"}, "output_lengths.sources must be ascending whole numbers"),
        ({**STATE, "targets": [5, 5]}, "output_lengths.targets must be ascending"),
        ({**STATE, "targets": [5, 2**63]}, "output_lengths.targets must be ascending"),
        ({**STATE, "targets": [5.0, 20.0]}, "output_lengths.targets must be ascending whole numbers"),
        ({**STATE, "targets": [5]}, "a target for each of its 2 sources"),
        ({**STATE, "longest_source": 2}, "longest_source must be a whole number from 3"),
        ({**STATE, "longest_source": True}, "longest_source must be a whole number"),
        ({**STATE, "ratio": [20, 0]}, "ratio must be two whole numbers"),
        ({**STATE, "ratio": [20]}, "ratio must be two whole numbers"),
    ],
)
def test_invalid_state_is_refused(state: Any, message: str) -> None:
    assert OutputLengths.from_state(STATE).limits([2, 3, 10]) == [18, 40, 110]
    with pytest.raises(UserError, match=message):
        OutputLengths.from_state(state)
