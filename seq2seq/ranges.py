"""Ranges of numeric options, stated once where an option is declared and checked wherever a value arrives.

An option has its range in its type, as in `dropout: DropProbability = 0.1`. `checked` validates the arguments of a
function or a constructor; `out_of_range` validates a configuration before anything is built.
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
    """The numbers from `minimum` to `maximum`; NaN is in no range.

    Args:
        minimum: The smallest number.
        maximum: The largest number.
        exclusive_minimum: Whether `minimum` itself is excluded.
        exclusive_maximum: Whether `maximum` itself is excluded.
    """

    minimum: float = -math.inf
    maximum: float = math.inf
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False

    def contains(self, value: float) -> bool:
        above = value > self.minimum if self.exclusive_minimum else value >= self.minimum
        return above and (value < self.maximum if self.exclusive_maximum else value <= self.maximum)

    @property
    def short(self) -> str:
        """The range as text, without an upper bound that only rejects absurd values."""
        return str(self).removesuffix(f" and at most {LARGEST:,}").removesuffix(" and finite")

    def __str__(self) -> str:
        low = f"above {self.minimum:,.16g}" if self.exclusive_minimum else f"at least {self.minimum:,.16g}"
        high = f"below {self.maximum:,.16g}" if self.exclusive_maximum else f"at most {self.maximum:,.16g}"
        if self.minimum == -math.inf:
            return "a finite number" if self.exclusive_maximum and self.maximum == math.inf else high
        if self.maximum == math.inf:
            return f"{low} and finite" if self.exclusive_maximum else low
        return f"{low} and {high}"


LARGEST = 2**31 - 1  # larger counts and sizes are mistakes, and overflow torch's integers

Count: TypeAlias = Annotated[int, Range(1, LARGEST)]
CountOrZero: TypeAlias = Annotated[int, Range(0, LARGEST)]
Probability: TypeAlias = Annotated[float, Range(0, 1)]
DropProbability: TypeAlias = Annotated[float, Range(0, 1, exclusive_maximum=True)]  # dropping everything leaves nothing
Finite: TypeAlias = Annotated[float, Range(-math.inf, math.inf, exclusive_minimum=True, exclusive_maximum=True)]
Positive: TypeAlias = Annotated[float, Range(0, math.inf, exclusive_minimum=True, exclusive_maximum=True)]
NonNegative: TypeAlias = Annotated[float, Range(0, math.inf, exclusive_maximum=True)]
Seed: TypeAlias = Annotated[int, Range(0, 2**32 - 1)]
NonNegativeOrInfinite: TypeAlias = Annotated[float, Range(0, math.inf)]
ParameterCount: TypeAlias = Annotated[int, Range(1, 10**12)]
Depth: TypeAlias = Annotated[int, Range(1, 1000)]  # number of stacked layers
Rounds: TypeAlias = Annotated[int, Range(0, 100)]  # gatings of a Mogrifier LSTM, each a layer of its own

# search options
Beams: TypeAlias = Annotated[int, Range(1, 10_000)]  # with more, one sentence would take gigabytes
LengthPenalty: TypeAlias = Annotated[float, Range(0, 5)]  # with more, powers of long lengths overflow float32
TopP: TypeAlias = Annotated[float, Range(0, 1, exclusive_minimum=True)]


def range_of(annotation: Any) -> Range | None:
    """Return the range of an annotated type; None for other types, such as containers and optional types."""
    if get_origin(annotation) is Annotated:
        return next((part for part in annotation.__metadata__ if isinstance(part, Range)), None)
    return None


def violated_range(annotation: Any, value: Any) -> Range | None:
    """Return the first range in a type that a value violates; None if there is none.

    Every number in a list, tuple or mapping is compared with its range. In a union, a number is compared with the range
    of its own type: in `Count | Probability` an int is a count. Anything else, booleans included, is not compared.
    """
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        allowed = range_of(annotation)
        return allowed if allowed is not None and is_number(value) and not allowed.contains(value) else None
    if origin in (Union, types.UnionType):
        same_type = [part for part in parts if is_number(value) and _number_type(part) is type(value)]
        violated = [violated_range(part, value) for part in same_type or parts]
        return None if same_type and not all(violated) else next(filter(None, violated), None)
    if isinstance(value, Mapping) and len(parts) == 2:
        pairs = [(part, item) for pair in value.items() for part, item in zip(parts, pair, strict=True)]
    elif isinstance(value, list | tuple) and origin is tuple and ... not in parts:
        pairs = list(zip(parts, value, strict=False))
    elif isinstance(value, list | tuple):
        pairs = [(part, item) for part in parts[:1] for item in value]
    else:
        return None
    return next(filter(None, (violated_range(part, item) for part, item in pairs)), None)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number_type(annotation: Any) -> Any:
    return annotation.__origin__ if get_origin(annotation) is Annotated else annotation


@functools.cache
def ranges(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the types of those parameters of a function, constructor or dataclass that have a range."""
    target: Any = function
    called = inspect.unwrap(target.__init__ if isinstance(function, type) else target)
    hints = get_type_hints(called if inspect.isfunction(called) else target, include_extras=True)
    return {name: hint for name, hint in hints.items() if any(ranges_in(hint))}


def ranges_in(annotation: Any) -> Iterator[tuple[type, Range]]:
    """Yield every range in a type, with the type of its numbers."""
    if (allowed := range_of(annotation)) is not None:
        yield annotation.__origin__, allowed
    for part in get_args(annotation):
        yield from ranges_in(part)


def out_of_range(types: Mapping[str, Any], arguments: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield an error message for each argument outside its range.

    Args:
        types: The types of options by name, as `ranges` returns them.
        arguments: Arguments by name; those without a range, and those that are not numbers, are ignored.
        prefix: Prefix of the option's name in the message, such as "model.".
    """
    for name, annotation in types.items():
        if (allowed := violated_range(annotation, arguments.get(name))) is not None:
            yield f"{prefix}{name} must be {allowed}, and {shorten(arguments[name])} was given"


def shorten(value: Any, length: int = 40) -> str:
    """Return a value as text for an error message: one line, with an ellipsis if it is longer than `length`."""
    try:
        text = " ".join(str(value).split())
    except ValueError:  # an int with more digits than Python converts
        text = "a number of thousands of digits"
    return text if len(text) <= length else f"{text[:length]}..."


def check_fields(options: Any) -> None:
    """Raise a UserError for a field of a dataclass outside the range of its type."""
    cls: Any = type(options)
    for message in out_of_range(ranges(cls), vars(options)):
        raise UserError(message)


def checked(function: F) -> F:
    """Decorate a function to raise a UserError for an argument outside the range of its type."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        arguments = signature.bind(*args, **kwargs).arguments
        for message in out_of_range(ranges(function), arguments):
            raise UserError(message)
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]
