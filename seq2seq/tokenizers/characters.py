"""One id for each character."""

from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from seq2seq.errors import UserError, refuse_string
from seq2seq.ranges import Count, checked
from seq2seq.special_tokens import NUM_SPECIAL, UNK
from seq2seq.tokenizers.counting import (
    VocabularySize,
    check_units,
    map_ids_to_texts,
    map_units_to_ids,
    most_frequent_units,
)
from seq2seq.tokenizers.states import check_state, make_state
from seq2seq.tokenizers.tokenizer import Tokenizer, without_surrogates


class Characters(Tokenizer):
    """One id for each Unicode character of the text; a character that was not learned is <unk>.

    The newline is always in the vocabulary. Text of known characters is restored exactly.

    Args:
        max_size: Maximum vocabulary size, special tokens included; the most frequent characters are kept.
        min_count: Minimum number of occurrences of a character in the text.
    """

    @checked
    def __init__(self, max_size: VocabularySize | None = None, min_count: Count = 1) -> None:
        self.max_size = max_size
        self.min_count = min_count
        self._set_units([])

    def learn(self, lines: Iterable[str]) -> None:
        refuse_string(lines, "lines")
        self._set_units(most_frequent_units(map(without_surrogates, lines), self.max_size, self.min_count, "character"))

    @property
    def vocab_size(self) -> int:
        return len(self._get_units())

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._encode_array(text).tolist()
        return ids

    def encode_batch(self, lines: list[str]) -> list[list[int]]:
        refuse_string(lines, "lines")
        ids = self.encode("".join(lines))
        return [ids[start:end] for start, end in pairwise(accumulate(map(len, lines), initial=0))]

    def encode_blocks(self, blocks: Iterable[str]) -> Iterator[memoryview]:
        return (self._encode_array(block).data for block in blocks)

    def encode_with_unknown(self, blocks: Iterable[str]) -> Iterator[tuple[memoryview, list[str]]]:
        for block in blocks:
            ids = self._encode_array(block)
            positions = np.flatnonzero(ids == UNK).tolist()
            text = without_surrogates(block) if positions else ""
            yield ids.data, [text[position] for position in positions]

    @property
    def characters(self) -> frozenset[str]:
        return frozenset(self._get_units()[NUM_SPECIAL:])

    def decode(self, ids: Iterable[int]) -> str:
        self._get_units()
        try:
            return "".join(map(self._id_to_text.__getitem__, ids))
        except KeyError as error:
            raise self._id_error(error.args[0]) from None

    def pieces(self, text: str) -> list[str]:
        return [self._units[i] for i in self.encode(text)]

    def units(self) -> list[str]:
        return list(self._get_units())

    def state_dict(self) -> dict[str, Any]:
        return make_state(self, Characters, units=list(self._units))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        other = Characters(**check_state(state, Characters, "units"))
        units = check_units(state["units"], without_surrogates, "character")
        self.max_size, self.min_count = other.max_size, other.min_count
        self._set_units(units)

    def _set_units(self, units: list[str]) -> None:
        ids = {ord(unit): i for unit, i in map_units_to_ids(units).items()}
        self._units = units
        self._id_to_text = map_ids_to_texts(units)
        # the last entry is UNK, for all larger code points
        self._code_point_to_id = np.full(max(ids, default=0) + 2, UNK, dtype=np.uint32)
        self._code_point_to_id[list(ids)] = list(ids.values())

    def _encode_array(self, text: str) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
        self._get_units()
        code_points = np.frombuffer(without_surrogates(text).encode("utf-32-le"), dtype="<u4")
        return self._code_point_to_id.take(code_points, mode="clip")

    def _get_units(self) -> list[str]:
        if not self._units:
            raise UserError("this tokenizer of characters must learn from text before it is used")
        return self._units
