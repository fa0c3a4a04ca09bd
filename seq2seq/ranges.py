"""Ranges of numeric options, stated once where an option is declared and checked wherever a value arrives.

An option names its range in its type, as in `dropout: DropProbability = 0.1`; `checked` holds a function or a
constructor to the ranges in its signature, and whoever reads a configuration can ask `out_of_range` before anything is
built.
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

    @property
    def short(self) -> str:
        """The range without an end that is only there since larger numbers are mistakes."""
        return str(self).removesuffix(f" and at most {LARGEST:,}").removesuffix(" and finite")

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
ParameterCount: TypeAlias = Annotated[int, Range(1, 10**12)]
Depth: TypeAlias = Annotated[int, Range(1, 1000)]  # layers on top of each other

# of searches
Beams: TypeAlias = Annotated[int, Range(1, 10_000)]  # beyond, one sentence would take gigabytes
LengthPenalty: TypeAlias = Annotated[float, Range(0, 5)]  # above, powers of long lengths overflow float32
TopP: TypeAlias = Annotated[float, Range(0, 1, above=True)]


def range_of(annotation: Any) -> Range | None:
    """Return the range that a type names itself; None if it names none, as a container or an optional type."""
    if get_origin(annotation) is Annotated:
        return next((part for part in annotation.__metadata__ if isinstance(part, Range)), None)
    return None


def broken(annotation: Any, value: Any) -> Range | None:
    """Return the range in a type that a value lies outside of; None if there is none.

    Every number in a list, tuple or mapping is held to its range. Of a union, a number is held to the range of its own
    type: in `Count | Probability` whole numbers are counts. What is no number, truth values among them, is passed over.
    """
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        allowed = range_of(annotation)
        return allowed if allowed is not None and is_number(value) and not allowed.holds(value) else None
    if origin in (Union, types.UnionType):
        own = [part for part in parts if is_number(value) and _number_type(part) is type(value)]
        verdicts = [broken(part, value) for part in own or parts]
        return None if own and not all(verdicts) else next(filter(None, verdicts), None)
    if isinstance(value, Mapping) and len(parts) == 2:
        pairs = [(part, item) for pair in value.items() for part, item in zip(parts, pair, strict=True)]
    elif isinstance(value, list | tuple) and origin is tuple and ... not in parts:
        pairs = list(zip(parts, value, strict=False))
    elif isinstance(value, list | tuple):
        pairs = [(part, item) for part in parts[:1] for item in value]
    else:
        return None
    return next(filter(None, (broken(part, item) for part, item in pairs)), None)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number_type(annotation: Any) -> Any:
    return annotation.__origin__ if get_origin(annotation) is Annotated else annotation


@functools.cache
def ranges(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the type of every parameter of a function, or of a class's constructor or fields, that names a range."""
    made: Any = function
    target = inspect.unwrap(made.__init__ if isinstance(function, type) else made)
    hints = get_type_hints(target if inspect.isfunction(target) else made, include_extras=True)
    return {name: hint for name, hint in hints.items() if any(ranges_in(hint))}


def ranges_in(annotation: Any) -> Iterator[tuple[type, Range]]:
    """Yield every range anywhere in a type, with the type of its numbers."""
    if (allowed := range_of(annotation)) is not None:
        yield annotation.__origin__, allowed
    for part in get_args(annotation):
        yield from ranges_in(part)


def out_of_range(types_of: Mapping[str, Any], given: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield one sentence for each given argument that lies outside its range.

    Args:
        types_of: The types of options by name, as `ranges` returns them.
        given: Arguments by name; those without a range, and those that are no number, are passed over.
        prefix: What stands before an option's name in the sentence, as in "model.".
    """
    for name, annotation in types_of.items():
        if (allowed := broken(annotation, given.get(name))) is not None:
            yield f"{prefix}{name} must be {allowed}, and {brief(given[name])} was given"


def brief(value: Any) -> str:
    """Return a value as a sentence shows it, on one line that is not too long."""
    try:
        text = " ".join(str(value).split())
    except ValueError:  # a whole number of more digits than Python writes
        text = "a number of thousands of digits"
    return text if len(text) <= 40 else f"{text[:40]}..."


def check_fields(options: Any) -> None:
    """Raise a UserError for a field of a dataclass that lies outside the range that its type names."""
    kind: Any = type(options)
    for sentence in out_of_range(ranges(kind), vars(options)):
        raise UserError(sentence)


def checked(function: F) -> F:
    """Let a function raise a UserError for an argument outside the range that its type names."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        for sentence in out_of_range(ranges(function), given):
            raise UserError(sentence)
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]
