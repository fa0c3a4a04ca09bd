"""A tokenizer as a user of the package writes it, in a module of their own."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from seq2seq.errors import UserError
from seq2seq.tokenizers import BOS, EOS, PAD, SPECIAL_TOKENS, UNK, Tokenizer
from seq2seq.tokenizers.tokenizer import without_surrogates


class Syllables(Tokenizer):
    """Syllables that are frequent in the text, single digits, and single characters for everything else.

    Args:
        vowels: Letters that end a syllable.
        min_count: Minimum number of occurrences of a syllable in the text.
    """

    def __init__(self, vowels: str = "aeiou", min_count: int = 2) -> None:
        self.vowels = vowels
        self.min_count = min_count
        self._set_learned({}, b"")

    def learn(self, lines: Iterable[str]) -> None:
        counts = Counter(syllable for line in lines for syllable in self._split(line))
        if not counts:
            raise UserError("there must be at least one syllable to learn from, but the text is empty")
        frequent = {syllable: count for syllable, count in sorted(counts.items()) if count >= self.min_count}
        self._set_learned(frequent, "".join(sorted({"\n", *"".join(counts)})).encode())

    @property
    def vocab_size(self) -> int:
        return len(self.units())

    @property
    def characters(self) -> frozenset[str]:
        return frozenset(self._alphabet.decode())

    def encode(self, text: str) -> list[int]:
        parts = ([syllable] if syllable in self._ids else syllable for syllable in self._split(text))
        return [self._ids.get(unit, UNK) for part in parts for unit in part]

    def encode_with_unknown(self, blocks: Iterable[str]) -> Any:
        for block in blocks:
            yield self.encode(block), [c for c in without_surrogates(block) if c not in self.characters]

    def decode(self, ids: Iterable[int]) -> str:
        return "".join(self._units[i] for i in self._check_ids(ids) if i not in (PAD, BOS, EOS))

    def pieces(self, text: str) -> list[str]:
        return [self._units[i] for i in self.encode(text)]

    def units(self) -> list[str]:
        if not self._alphabet:
            raise UserError("this tokenizer of syllables must learn from text before it is used")
        return list(self._units)

    def learned_state(self) -> dict[str, Any]:
        return {"counts": dict(self._counts), "alphabet": self._alphabet}

    def load_learned_state(self, state: dict[str, Any]) -> None:
        if not isinstance(state["counts"], dict) or not isinstance(state["alphabet"], bytes):
            raise UserError("counts must be a dict, and alphabet must be bytes")
        self._set_learned(state["counts"], state["alphabet"])

    def _set_learned(self, counts: dict[str, int], alphabet: bytes) -> None:
        self._counts, self._alphabet = counts, alphabet
        self._units = list(dict.fromkeys([*SPECIAL_TOKENS, *alphabet.decode(), *counts]))
        self._ids = {unit: i for i, unit in enumerate(self._units) if i >= len(SPECIAL_TOKENS)}

    def _split(self, text: str) -> list[str]:
        vowels = re.escape(self.vowels)
        return re.findall(rf"[^\W\d{vowels}]*[{vowels}]+|\w|\W", without_surrogates(text))
