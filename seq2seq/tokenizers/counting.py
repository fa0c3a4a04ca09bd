"""A vocabulary of the most frequent units: what tokenizers of characters and of words have in common."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, TypeAlias

from seq2seq.errors import UserError
from seq2seq.ranges import LARGEST, Range
from seq2seq.special_tokens import BOS, EOS, PAD, UNK
from seq2seq.tokenizers.states import short
from seq2seq.tokenizers.tokenizer import SPECIAL_TOKENS

VocabularySize: TypeAlias = Annotated[
    int, Range(len(SPECIAL_TOKENS) + 2, LARGEST)
]  # the specials, the newline and a unit

_FIRST = [*SPECIAL_TOKENS, "\n"]


def most_frequent(lines: Iterable[Iterable[str]], max_size: int | None, min_count: int, what: str) -> list[str]:
    """The specials, the newline, then the units by falling count and, where counts are equal, in code point order.

    Only counts are held in memory. Raises ValueError if no line holds a unit.
    """
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(line)
    del counts["\n"], counts[SPECIAL_TOKENS[UNK]]  # a corpus may spell its unknown words <unk>
    if not counts:
        raise UserError(f"there must be at least one {what} to learn from, but the text is empty")
    kept = sorted(
        (unit for unit, count in counts.items() if count >= min_count), key=lambda unit: (-counts[unit], unit)
    )
    return _FIRST + kept[: None if max_size is None else max_size - len(_FIRST)]


def check_units(units: Any, split: Callable[[str], Iterable[str]], what: str) -> list[str]:
    """Return units as `most_frequent` gives them, or none at all; raise a UserError for anything else.

    Args:
        units: What a state holds.
        split: Splits text into units.
        what: What a unit is, for the message.
    """
    if not isinstance(units, list):
        raise UserError(f"the units of a tokenizer must be a list, not {short(units)}")
    if units and units[: len(_FIRST)] != _FIRST:
        raise UserError(f"the first units of a tokenizer must be {_FIRST}, not {short(units[: len(_FIRST)])}")
    known = {"\n"}
    for unit in units[len(_FIRST) :]:
        if type(unit) is not str or [*split(unit)] != [unit] or unit == SPECIAL_TOKENS[UNK]:
            raise UserError(f"a unit of this tokenizer must be one {what}, not {short(unit)}")
        if unit in known:
            raise UserError(f"the units of a tokenizer must differ, but {short(unit)} is there twice")
        known.add(unit)
    return list(units)


def ids_of(units: Sequence[str]) -> dict[str, int]:
    """Unit to id, without the specials: text that spells one is text."""
    return {unit: i for i, unit in enumerate(units) if i >= len(SPECIAL_TOKENS)}


def texts_of(units: Sequence[str]) -> dict[int, str]:
    """Id to its text, which is empty for PAD, BOS and EOS."""
    return {i: "" if i in (PAD, BOS, EOS) else unit for i, unit in enumerate(units)}
