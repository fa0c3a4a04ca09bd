"""The base class of tokenizers with one id for each of the most frequent units of a text: characters or words."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Annotated, Any, ClassVar, TypeAlias

from seq2seq.errors import UserError, refuse_string
from seq2seq.ranges import LARGEST, Count, Range, checked
from seq2seq.special_tokens import BOS, EOS, NUM_SPECIAL, PAD, UNK
from seq2seq.tokenizers.states import abbreviate
from seq2seq.tokenizers.tokenizer import SPECIAL_TOKENS, Tokenizer

VocabularySize: TypeAlias = Annotated[
    int, Range(len(SPECIAL_TOKENS) + 2, LARGEST)
]  # the special tokens, the newline and a unit

_RESERVED_UNITS = [*SPECIAL_TOKENS, "\n"]


class FrequentUnits(Tokenizer):
    """One id for each unit of the text, such as a word; a unit that was not learned is <unk>.

    A subclass defines `unit`, `split` and `join`. The newline is a unit and always in the vocabulary.

    Args:
        max_size: Maximum vocabulary size, special tokens included; the most frequent units are kept.
        min_count: Minimum number of occurrences of a unit in the text.
    """

    unit: ClassVar[str]  # name of a unit in messages, in the singular

    @checked
    def __init__(self, max_size: VocabularySize | None = None, min_count: Count = 1) -> None:
        self.max_size = max_size
        self.min_count = min_count
        self._set_units([])

    @abstractmethod
    def split(self, text: str) -> Sequence[str]:
        """Return the units of a text. A unit must be the only unit of itself."""

    @abstractmethod
    def join(self, units: Iterable[str]) -> str:
        """Return the text of units, where PAD, BOS and EOS are empty strings."""

    def align_blocks(self, blocks: Iterable[str]) -> Iterable[str]:
        """Return the same text in blocks that end between units."""
        return blocks

    def learn(self, lines: Iterable[str]) -> None:
        refuse_string(lines, "lines")
        self._set_units(_most_frequent_units(map(self.split, lines), self.max_size, self.min_count, self.unit))

    @property
    def vocab_size(self) -> int:
        return len(self._get_units())

    def encode(self, text: str) -> list[int]:
        return self._look_up(self.split(text))

    def encode_blocks(self, blocks: Iterable[str]) -> Iterator[Sequence[int]]:
        return map(self.encode, self.align_blocks(blocks))

    def encode_with_unknown(self, blocks: Iterable[str]) -> Iterator[tuple[Sequence[int], list[str]]]:
        for units in map(self.split, self.align_blocks(blocks)):
            ids = self._look_up(units)
            yield ids, [unit for unit, i in zip(units, ids, strict=True) if i == UNK] if UNK in ids else []

    @property
    def characters(self) -> frozenset[str]:
        return frozenset().union(*self._get_units()[NUM_SPECIAL:])

    def decode(self, ids: Iterable[int]) -> str:
        self._get_units()
        try:
            return self.join(map(self._id_to_text.__getitem__, ids))
        except KeyError as error:
            raise self._id_error(error.args[0]) from None

    def pieces(self, text: str) -> list[str]:
        return [self._units[i] for i in self.encode(text)]

    def units(self) -> list[str]:
        return list(self._get_units())

    def learned_state(self) -> dict[str, Any]:
        return {"units": list(self._units)}

    def load_learned_state(self, state: dict[str, Any]) -> None:
        """Restore the units. Raises a UserError unless `learn` could have found them."""
        units = state["units"]
        if not isinstance(units, list):
            raise UserError(f"the units of a tokenizer must be a list, not {abbreviate(units)}")
        reserved = units[: len(_RESERVED_UNITS)]
        if units and reserved != _RESERVED_UNITS:
            raise UserError(f"the first units of a tokenizer must be {_RESERVED_UNITS}, not {abbreviate(reserved)}")
        unique = {"\n"}
        for unit in units[len(_RESERVED_UNITS) :]:
            if type(unit) is not str or [*self.split(unit)] != [unit] or unit == SPECIAL_TOKENS[UNK]:
                raise UserError(f"a unit of this tokenizer must be one {self.unit}, not {abbreviate(unit)}")
            if unit in unique:
                raise UserError(f"the units of a tokenizer must differ, but {abbreviate(unit)} is there twice")
            unique.add(unit)
        self._set_units(list(units))

    def _look_up(self, units: Iterable[str]) -> list[int]:
        self._get_units()
        return list(map(self._unit_to_id.get, units, repeat(UNK)))

    def _set_units(self, units: list[str]) -> None:
        self._units = units
        # without the special tokens: text that spells one is ordinary text
        self._unit_to_id = {unit: i for i, unit in enumerate(units) if i >= NUM_SPECIAL}
        self._id_to_text = {i: "" if i in (PAD, BOS, EOS) else unit for i, unit in enumerate(units)}

    def _get_units(self) -> list[str]:
        if not self._units:
            raise UserError(f"this tokenizer of {self.unit}s must learn from text before it is used")
        return self._units


def _most_frequent_units(
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
