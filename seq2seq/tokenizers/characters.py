"""One id for each character."""

from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from seq2seq.errors import UserError, refuse_string
from seq2seq.ranges import Count, checked
from seq2seq.special_tokens import NUM_SPECIAL, UNK
from seq2seq.tokenizers.counting import VocabularySize, check_units, ids_of, most_frequent, texts_of
from seq2seq.tokenizers.states import make_state, options_of
from seq2seq.tokenizers.tokenizer import Tokenizer, without_surrogates


class Characters(Tokenizer):
    """One id for each Unicode character of the text; a character that was not learned is <unk>.

    The newline is always known. Text of known characters comes back exactly.

    Args:
        max_size: How many ids there are at most, special ids included; the most frequent characters are kept.
        min_count: How often a character must occur in the text to be kept.
    """

    @checked
    def __init__(self, max_size: VocabularySize | None = None, min_count: Count = 1) -> None:
        self.max_size = max_size
        self.min_count = min_count
        self._keep([])

    def learn(self, lines: Iterable[str]) -> None:
        refuse_string(lines, "lines")
        self._keep(most_frequent(map(without_surrogates, lines), self.max_size, self.min_count, "character"))

    @property
    def vocab_size(self) -> int:
        return len(self._learned())

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._look_up(text).tolist()
        return ids

    def encode_batch(self, lines: list[str]) -> list[list[int]]:
        refuse_string(lines, "lines")
        ids = self.encode("".join(lines))
        return [ids[begin:end] for begin, end in pairwise(accumulate(map(len, lines), initial=0))]

    def encode_blocks(self, blocks: Iterable[str]) -> Iterator[memoryview]:
        return (self._look_up(block).data for block in blocks)

    def encode_with_unknown(self, blocks: Iterable[str]) -> Iterator[tuple[memoryview, list[str]]]:
        for block in blocks:
            ids = self._look_up(block)
            places = np.flatnonzero(ids == UNK).tolist()
            text = without_surrogates(block) if places else ""
            yield ids.data, [text[place] for place in places]

    @property
    def characters(self) -> frozenset[str]:
        return frozenset(self._learned()[NUM_SPECIAL:])

    def decode(self, ids: Iterable[int]) -> str:
        self._learned()
        try:
            return "".join(map(self._texts.__getitem__, ids))
        except KeyError as error:
            raise self._outside(error.args[0]) from None

    def pieces(self, text: str) -> list[str]:
        return [self._units[i] for i in self.encode(text)]

    def units(self) -> list[str]:
        return list(self._learned())

    def state_dict(self) -> dict[str, Any]:
        return make_state(self, Characters, units=list(self._units))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        other = Characters(**options_of(state, Characters, "units"))
        units = check_units(state["units"], without_surrogates, "character")
        self.max_size, self.min_count = other.max_size, other.min_count
        self._keep(units)

    def _keep(self, units: list[str]) -> None:
        ids = {ord(unit): i for unit, i in ids_of(units).items()}
        self._units = units
        self._texts = texts_of(units)
        self._ids = np.full(max(ids, default=0) + 2, UNK, dtype=np.uint32)  # by code point, and for all past the last
        self._ids[list(ids)] = list(ids.values())

    def _look_up(self, text: str) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
        self._learned()
        codes = np.frombuffer(without_surrogates(text).encode("utf-32-le"), dtype="<u4")
        return self._ids.take(codes, mode="clip")

    def _learned(self) -> list[str]:
        if not self._units:
            raise UserError("this tokenizer of characters must learn from text before it is used")
        return self._units
