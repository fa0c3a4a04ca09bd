"""One id for each character."""

from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise

import numpy as np

from seq2seq.errors import refuse_string
from seq2seq.special_tokens import UNK
from seq2seq.tokenizers.frequent_units import FrequentUnits
from seq2seq.tokenizers.tokenizer import without_surrogates


class Characters(FrequentUnits):
    """One id for each Unicode character of the text; a character that was not learned is <unk>.

    The newline is always in the vocabulary. Text of known characters is restored exactly.

    Args:
        max_size: Maximum vocabulary size, special tokens included; the most frequent characters are kept.
        min_count: Minimum number of occurrences of a character in the text.
    """

    unit = "character"

    def split(self, text: str) -> str:
        return without_surrogates(text)

    def join(self, units: Iterable[str]) -> str:
        return "".join(units)

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

    def _set_units(self, units: list[str]) -> None:
        super()._set_units(units)
        ids = {ord(unit): i for unit, i in self._unit_to_id.items()}
        # the last entry is UNK, for all larger code points
        self._code_point_to_id = np.full(max(ids, default=0) + 2, UNK, dtype=np.uint32)
        self._code_point_to_id[list(ids)] = list(ids.values())

    def _encode_array(self, text: str) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
        self._get_units()
        code_points = np.frombuffer(without_surrogates(text).encode("utf-32-le"), dtype="<u4")
        return self._code_point_to_id.take(code_points, mode="clip")
