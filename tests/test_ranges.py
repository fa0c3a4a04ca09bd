"""Ranges of numeric options."""

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.errors import UserError
from seq2seq.ranges import (
    Count,
    DropProbability,
    Finite,
    Positive,
    Probability,
    Range,
    broken,
    check_fields,
    checked,
    out_of_range,
    ranges,
)


@checked
def function(size: Count, dropout: DropProbability = 0.0, share: Probability | None = None, text: str = "") -> str:
    return f"{size} {dropout} {share} {text}"


class Layer:
    @checked
    def __init__(self, size: Count, rate: Finite = 1.0) -> None:
        self.size = size


def test_a_range_is_found_in_a_type_optional_or_not() -> None:
    assert list(ranges(function)) == ["size", "dropout", "share"]
    assert list(ranges(Layer)) == ["size", "rate"]


def test_arguments_within_their_ranges_pass() -> None:
    assert function(1, 0.5, share=1.0, text="t") == "1 0.5 1.0 t"
    assert Layer(2).size == 2


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"size": 0}, "size must be at least 1 and at most 2,147,483,647, and 0 was given"),
        ({"size": 2**63}, f"and {2**63} was given"),
        ({"size": 1, "dropout": 1.0}, "dropout must be at least 0 and below 1, and 1.0 was given"),
        ({"size": 1, "share": -0.1}, "share must be at least 0 and at most 1, and -0.1 was given"),
        ({"size": 1, "share": math.nan}, "share must be at least 0 and at most 1, and nan was given"),
    ],
)
def test_an_argument_outside_its_range_is_named(given: dict[str, float], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        function(**given)  # type: ignore[arg-type]


def test_a_constructor_is_held_to_its_ranges() -> None:
    with pytest.raises(UserError, match="rate must be a finite number, and inf was given"):
        Layer(1, math.inf)


@dataclass(frozen=True)
class Options:
    beams: Count = 5
    penalty: Finite = 1.0

    def __post_init__(self) -> None:
        check_fields(self)


def test_the_fields_of_a_dataclass_are_held_to_their_ranges() -> None:
    assert Options(2).beams == 2
    with pytest.raises(UserError, match="penalty must be a finite number, and nan was given"):
        Options(penalty=math.nan)


def test_values_are_checked_without_a_call() -> None:
    assert list(out_of_range(ranges(function), {"size": 3, "share": None, "text": "", "other": -1})) == []
    assert list(out_of_range(ranges(function), {"size": -3}, "model.")) == [
        "model.size must be at least 1 and at most 2,147,483,647, and -3 was given"
    ]


@pytest.mark.parametrize("digits", [41, 5000])
def test_a_number_of_many_digits_is_shortened(digits: int) -> None:
    (sentence,) = out_of_range(ranges(function), {"size": 10**digits})
    assert len(sentence) < 120


class Derived(Layer):
    """Has the constructor of another class."""


def test_a_derived_class_has_the_ranges_of_the_constructor_that_it_inherits() -> None:
    assert ranges(Derived) == ranges(Layer)
    assert ranges(int) == {}


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        (tuple[Probability, Probability], [(0.9, 1), [0, 0.5]], [(0.9, 1.1), [-1, 0.5]]),
        (list[Count], [[], [1, 2]], [[1, 0], [2**31]]),
        (dict[Count, Positive], [{}, {3: 0.5}], [{0: 0.5}, {3: 0.0}]),
        (Count | Probability, [1, 2, 0.5, 1.0, "text", None, True], [0, 1.5, math.nan]),
        (Count | None, [1, None], [0, -1]),
        (Positive | str, [1, 0.1, "x"], [0, -0.1]),
        (Positive | tuple[Positive, Positive], [1e-3, (1e-3, 1)], [-1, (1, -1)]),
    ],
)
def test_every_number_within_a_value_is_held_to_its_range(
    annotation: object, good: list[object], bad: list[object]
) -> None:
    assert [broken(annotation, value) for value in good] == [None] * len(good)
    assert None not in [broken(annotation, value) for value in bad]


@given(st.floats(), st.floats(-10, 0), st.floats(1, 10), st.booleans(), st.booleans())
def test_a_range_holds_what_lies_between_its_ends(
    x: float, least: float, most: float, above: bool, below: bool
) -> None:
    held = Range(least, most, above, below).holds(x)
    assert held == ((least < x or (x == least and not above)) and (x < most or (x == most and not below)))
