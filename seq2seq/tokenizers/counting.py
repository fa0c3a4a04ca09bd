"""A vocabulary of the most frequent units: what tokenizers of characters and of words have in common."""

from collections import Counter
from collections.abc import Iterable, Sequence

from seq2seq.errors import UserError
from seq2seq.special import BOS, EOS, PAD, UNK
from seq2seq.tokenizers.interface import SPECIALS


def check_limits(max_size: int | None, min_count: int) -> None:
    """Raise ValueError if no vocabulary could keep to these limits."""
    if max_size is not None and max_size <= len(SPECIALS) + 1:
        raise UserError(
            f"max_size ({max_size}) must be larger than {len(SPECIALS) + 1}, the special ids and the newline"
        )
    if min_count < 1:
        raise UserError(f"min_count ({min_count}) must be at least 1")


def most_frequent(lines: Iterable[Iterable[str]], max_size: int | None, min_count: int, what: str) -> list[str]:
    """The specials, the newline, then the units by falling count and, where counts are equal, in code point order.

    Only counts are held in memory. Raises ValueError if no line holds a unit.
    """
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(line)
    first = [*SPECIALS, "\n"]
    del counts["\n"], counts[SPECIALS[UNK]]  # a corpus may spell its unknown words <unk>
    if not counts:
        raise UserError(f"there must be at least one {what} to learn from, but the text is empty")
    kept = sorted(
        (unit for unit, count in counts.items() if count >= min_count), key=lambda unit: (-counts[unit], unit)
    )
    return first + kept[: None if max_size is None else max_size - len(first)]


def ids_of(units: Sequence[str]) -> dict[str, int]:
    """Unit to id, without the specials: text that spells one is text."""
    return {unit: i for i, unit in enumerate(units) if i >= len(SPECIALS)}


def texts_of(units: Sequence[str]) -> dict[int, str]:
    """Id to its text, which is empty for PAD, BOS and EOS."""
    return {i: "" if i in (PAD, BOS, EOS) else unit for i, unit in enumerate(units)}
