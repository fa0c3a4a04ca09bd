"""Ranges of numeric options, stated once where an option is declared and checked wherever a value arrives.

An option names its range in its type, as in `dropout: Fraction = 0.1`; `checked` holds a function or a constructor to
the ranges in its signature, and whoever reads a configuration can ask `out_of_range` before anything is built.
"""

import functools
import inspect
import math
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from seq2seq.errors import UserError

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Range:
    """The numbers from `least` to `most`; NaN is in no range.

    Args:
        least: The smallest number.
        most: The largest number.
        above: Whether `least` itself is left out.
        below: Whether `most` itself is left out.
    """

    least: float = -math.inf
    most: float = math.inf
    above: bool = False
    below: bool = False

    def holds(self, value: float) -> bool:
        low = value > self.least if self.above else value >= self.least
        return low and (value < self.most if self.below else value <= self.most)

    def __str__(self) -> str:
        low = f"above {self.least:,.16g}" if self.above else f"at least {self.least:,.16g}"
        high = f"below {self.most:,.16g}" if self.below else f"at most {self.most:,.16g}"
        if self.least == -math.inf:
            return "a finite number" if self.below and self.most == math.inf else high
        if self.most == math.inf:
            return f"{low} and finite" if self.below else low
        return f"{low} and {high}"


LARGEST = 2**31 - 1  # counts and sizes beyond it are mistakes, and overflow what torch holds them in

Count: TypeAlias = Annotated[int, Range(1, LARGEST)]
CountOrZero: TypeAlias = Annotated[int, Range(0, LARGEST)]
Probability: TypeAlias = Annotated[float, Range(0, 1)]
DropProbability: TypeAlias = Annotated[float, Range(0, 1, below=True)]  # all dropped leaves nothing
Finite: TypeAlias = Annotated[float, Range(-math.inf, math.inf, above=True, below=True)]
Positive: TypeAlias = Annotated[float, Range(0, math.inf, above=True, below=True)]
NonNegative: TypeAlias = Annotated[float, Range(0, math.inf, below=True)]
Seed: TypeAlias = Annotated[int, Range(0, 2**32 - 1)]
NonNegativeOrInfinite: TypeAlias = Annotated[float, Range(0, math.inf)]

# of searches
Beams: TypeAlias = Annotated[int, Range(1, 10_000)]  # beyond, one sentence would take gigabytes
LengthPenalty: TypeAlias = Annotated[float, Range(0, 5)]  # above, powers of long lengths overflow float32
TopP: TypeAlias = Annotated[float, Range(0, 1, above=True)]


def range_of(annotation: Any) -> Range | None:
    """Return the range that a type names, also one inside an optional type; None if it names none."""
    if get_origin(annotation) is Annotated:
        return next((part for part in annotation.__metadata__ if isinstance(part, Range)), None)
    if get_origin(annotation) in (Union, types.UnionType):
        return next(filter(None, map(range_of, get_args(annotation))), None)
    return None


@functools.cache
def ranges(function: Callable[..., Any]) -> dict[str, Range]:
    """Return the range of every parameter of a function, or of a class's constructor, that names one."""
    target: Any = inspect.unwrap(
        vars(function).get("__init__", object.__init__) if isinstance(function, type) else function
    )
    hints = get_type_hints(target, include_extras=True)
    return {name: found for name, hint in hints.items() if (found := range_of(hint)) is not None}


def out_of_range(function: Callable[..., Any], given: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield one sentence for each given argument that lies outside its range.

    Args:
        function: A function or a class.
        given: Its arguments by name; those without a range, and those that are no number, are passed over.
        prefix: What stands before an option's name in the sentence, as in "model.".
    """
    for name, allowed in ranges(function).items():
        value = given.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and not allowed.holds(value):
            yield f"{prefix}{name} must be {allowed}, and {value} was given"


def check_fields(options: Any) -> None:
    """Raise a UserError for a field of a dataclass that lies outside the range that its type names."""
    for sentence in out_of_range(type(options), vars(options)):
        raise UserError(sentence)


def checked(function: F) -> F:
    """Let a function raise a UserError for an argument outside the range that its type names."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        for sentence in out_of_range(function, given):
            raise UserError(sentence)
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]
