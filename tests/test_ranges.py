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
    check_fields,
    checked,
    out_of_range,
    ranges,
    violated_range,
)


@checked
def function(size: Count, dropout: DropProbability = 0.0, share: Probability | None = None, text: str = "") -> str:
    return f"{size} {dropout} {share} {text}"


class Layer:
    @checked
    def __init__(self, size: Count, rate: Finite = 1.0) -> None:
        self.size = size


def test_ranges_are_found_in_types_and_optional_types() -> None:
    assert list(ranges(function)) == ["size", "dropout", "share"]
    assert list(ranges(Layer)) == ["size", "rate"]


def test_arguments_in_range_are_accepted() -> None:
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
def test_error_names_the_argument_out_of_range(given: dict[str, float], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        function(**given)  # type: ignore[arg-type]


def test_constructor_arguments_are_checked() -> None:
    with pytest.raises(UserError, match="rate must be a finite number, and inf was given"):
        Layer(1, math.inf)


@dataclass(frozen=True)
class Options:
    beams: Count = 5
    penalty: Finite = 1.0

    def __post_init__(self) -> None:
        check_fields(self)


def test_dataclass_fields_are_checked() -> None:
    assert Options(2).beams == 2
    with pytest.raises(UserError, match="penalty must be a finite number, and nan was given"):
        Options(penalty=math.nan)


def test_out_of_range_checks_without_a_call() -> None:
    assert list(out_of_range(ranges(function), {"size": 3, "share": None, "text": "", "other": -1})) == []
    assert list(out_of_range(ranges(function), {"size": -3}, "model.")) == [
        "model.size must be at least 1 and at most 2,147,483,647, and -3 was given"
    ]


@pytest.mark.parametrize("digits", [41, 5000])
def test_long_number_is_shortened(digits: int) -> None:
    (sentence,) = out_of_range(ranges(function), {"size": 10**digits})
    assert len(sentence) < 120


class Derived(Layer):
    """Has the constructor of another class."""


def test_subclass_inherits_ranges_of_the_constructor() -> None:
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
def test_numbers_in_containers_and_unions_are_checked(
    annotation: object, good: list[object], bad: list[object]
) -> None:
    assert [violated_range(annotation, value) for value in good] == [None] * len(good)
    assert None not in [violated_range(annotation, value) for value in bad]


@given(st.floats(), st.floats(-10, 0), st.floats(1, 10), st.booleans(), st.booleans())
def test_range_contains_numbers_between_its_bounds(
    x: float, minimum: float, maximum: float, above: bool, below: bool
) -> None:
    contained = Range(minimum, maximum, above, below).contains(x)
    assert contained == (
        (minimum < x or (x == minimum and not above)) and (x < maximum or (x == maximum and not below))
    )
