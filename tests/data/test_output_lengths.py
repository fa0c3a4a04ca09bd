"""Laws of the limit that training sets to the length of translations."""

import math
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.output_lengths import OutputLengths
from seq2seq.errors import UserError

lengths = st.integers(1, 40)
pairs = st.lists(st.tuples(lengths, lengths), min_size=1, max_size=30)


def learned(pairs: list[tuple[int, int]]) -> OutputLengths:
    source, target = np.array(pairs, dtype=np.int32).T
    return OutputLengths.learn(source, target)


@given(pairs, st.integers(0, 100))
def test_the_limit_is_the_definition(pairs: list[tuple[int, int]], length: int) -> None:
    (limit,) = learned(pairs).limits([length])
    shortest, longest = min(source for source, _ in pairs), max(source for source, _ in pairs)
    if length > longest:
        source, target = max(pairs, key=lambda pair: pair[1] / pair[0])
        assert limit == math.ceil(3 * target * length / (2 * source)) + 10
    else:
        reached = [target for source, target in pairs if source <= max(length, shortest)]
        assert limit == math.ceil(1.5 * max(reached)) + 10


@given(pairs)
def test_every_training_target_fits_with_half_of_it_to_spare(pairs: list[tuple[int, int]]) -> None:
    limits = learned(pairs).limits(source for source, _ in pairs)
    assert all(limit >= 1.5 * target + 10 for limit, (_, target) in zip(limits, pairs, strict=True))


@given(pairs)
def test_a_longer_source_never_has_a_lower_limit(pairs: list[tuple[int, int]]) -> None:
    limits = learned(pairs).limits(range(120))
    assert limits == sorted(limits)


@given(pairs)
def test_only_the_steps_of_the_maximum_are_kept(pairs: list[tuple[int, int]]) -> None:
    kept = learned(pairs)
    for step in range(len(kept.sources)):
        fewer = [[*side[:step], *side[step + 1 :]] for side in (kept.sources, kept.targets)]
        if fewer[0]:
            other = OutputLengths(*fewer, kept.longest_source, kept.ratio)
            assert other.limits(range(41)) != kept.limits(range(41))


@given(st.lists(pairs, min_size=1, max_size=4))
def test_several_are_merged_to_what_all_their_pairs_give(several: list[list[tuple[int, int]]]) -> None:
    assert OutputLengths.merge([learned(pairs) for pairs in several]) == learned([*chain(*several)])


@given(pairs, st.randoms())
def test_the_order_of_the_pairs_does_not_matter(pairs: list[tuple[int, int]], random: Any) -> None:
    mixed = pairs.copy()
    random.shuffle(mixed)
    assert learned(mixed).limits(range(100)) == learned(pairs).limits(range(100))


@given(pairs)
def test_a_checkpoint_gives_back_what_was_kept(pairs: list[tuple[int, int]]) -> None:
    kept = learned(pairs)
    state = kept.state_dict()
    assert OutputLengths.from_state(state) == kept
    flat = [*state["sources"], *state["targets"], *state["ratio"], state["longest_source"]]
    assert {type(number) for number in flat} == {int}


GOOD = {"sources": [1, 3], "targets": [5, 20], "longest_source": 9, "ratio": [20, 3]}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (None, "output_lengths must have the entries sources, targets, longest_source, ratio"),
        ({**GOOD, "more": 1}, "must have the entries"),
        ({"sources": [1]}, "must have the entries"),
        ({**GOOD, "sources": []}, "output_lengths.sources must be ascending whole numbers"),
        ({**GOOD, "sources": [3, 1]}, "output_lengths.sources must be ascending"),
        ({**GOOD, "sources": [0, 1]}, "output_lengths.sources must be ascending whole numbers from 1"),
        ({**GOOD, "sources": "13"}, "output_lengths.sources must be ascending whole numbers"),
        ({**GOOD, "targets": [5, 5]}, "output_lengths.targets must be ascending"),
        ({**GOOD, "targets": [5, 2**63]}, "output_lengths.targets must be ascending"),
        ({**GOOD, "targets": [5.0, 20.0]}, "output_lengths.targets must be ascending whole numbers"),
        ({**GOOD, "targets": [5]}, "a target for each of its 2 sources"),
        ({**GOOD, "longest_source": 2}, "longest_source must be a whole number from 3"),
        ({**GOOD, "longest_source": True}, "longest_source must be a whole number"),
        ({**GOOD, "ratio": [20, 0]}, "ratio must be two whole numbers"),
        ({**GOOD, "ratio": [20]}, "ratio must be two whole numbers"),
    ],
)
def test_what_was_not_kept_by_training_is_refused(wrong: Any, sentence: str) -> None:
    assert OutputLengths.from_state(GOOD).limits([2, 3, 10]) == [18, 40, 110]
    with pytest.raises(UserError, match=sentence):
        OutputLengths.from_state(wrong)
