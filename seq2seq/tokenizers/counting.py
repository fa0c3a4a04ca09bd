"""Vocabularies of the most frequent units, for the tokenizers of characters and words."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, TypeAlias

from seq2seq.errors import UserError
from seq2seq.ranges import LARGEST, Range
from seq2seq.special_tokens import BOS, EOS, PAD, UNK
from seq2seq.tokenizers.states import abbreviate
from seq2seq.tokenizers.tokenizer import SPECIAL_TOKENS

VocabularySize: TypeAlias = Annotated[
    int, Range(len(SPECIAL_TOKENS) + 2, LARGEST)
]  # the special tokens, the newline and a unit

_RESERVED_UNITS = [*SPECIAL_TOKENS, "\n"]


def most_frequent_units(
    lines: Iterable[Iterable[str]], max_size: int | None, min_count: int, unit_name: str
) -> list[str]:
    """Return the special tokens, the newline, then the units by descending count, ties in code point order.

    Only counts are kept in memory. Raises a UserError if there is no unit in the lines.
    """
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(line)
    del counts["\n"], counts[SPECIAL_TOKENS[UNK]]  # a corpus may contain <unk> in place of rare words
    if not counts:
        raise UserError(f"there must be at least one {unit_name} to learn from, but the text is empty")
    frequent = sorted(
        (unit for unit, count in counts.items() if count >= min_count), key=lambda unit: (-counts[unit], unit)
    )
    return _RESERVED_UNITS + frequent[: None if max_size is None else max_size - len(_RESERVED_UNITS)]


def check_units(units: Any, split: Callable[[str], Iterable[str]], unit_name: str) -> list[str]:
    """Return the units of a state, possibly none.

    Raises a UserError unless `most_frequent_units` could have returned them.

    Args:
        units: The units in the state.
        split: Splits text into units.
        unit_name: Name of a unit for error messages.
    """
    if not isinstance(units, list):
        raise UserError(f"the units of a tokenizer must be a list, not {abbreviate(units)}")
    if units and units[: len(_RESERVED_UNITS)] != _RESERVED_UNITS:
        raise UserError(
            f"the first units of a tokenizer must be {_RESERVED_UNITS}, not {abbreviate(units[: len(_RESERVED_UNITS)])}"
        )
    unique = {"\n"}
    for unit in units[len(_RESERVED_UNITS) :]:
        if type(unit) is not str or [*split(unit)] != [unit] or unit == SPECIAL_TOKENS[UNK]:
            raise UserError(f"a unit of this tokenizer must be one {unit_name}, not {abbreviate(unit)}")
        if unit in unique:
            raise UserError(f"the units of a tokenizer must differ, but {abbreviate(unit)} is there twice")
        unique.add(unit)
    return list(units)


def map_units_to_ids(units: Sequence[str]) -> dict[str, int]:
    """Return the id of each unit except special tokens: text that spells a special token is ordinary text."""
    return {unit: i for i, unit in enumerate(units) if i >= len(SPECIAL_TOKENS)}


def map_ids_to_texts(units: Sequence[str]) -> dict[int, str]:
    """Return the text of each id, which is empty for PAD, BOS and EOS."""
    return {i: "" if i in (PAD, BOS, EOS) else unit for i, unit in enumerate(units)}
