"""One id for each character."""

from collections.abc import Iterable
from itertools import repeat
from typing import Any

from seq2seq.special import BOS, EOS, PAD, UNK
from seq2seq.tokenizers.counting import check_limits, ids_of, most_frequent
from seq2seq.tokenizers.interface import Tokenizer, without_surrogates


class Characters(Tokenizer):
    """One id for each Unicode character of the text; a character that was not learned is <unk>.

    The newline is always known. Text of known characters comes back exactly.

    Args:
        max_size: How many ids there are at most, special ids included; the most frequent characters are kept.
        min_count: How often a character must occur in the text to be kept.
    """

    def __init__(self, max_size: int | None = None, min_count: int = 1) -> None:
        check_limits(max_size, min_count)
        self.max_size = max_size
        self.min_count = min_count
        self._units: list[str] = []
        self._ids: dict[str, int] = {}

    def learn(self, lines: Iterable[str]) -> None:
        self._keep(most_frequent(map(without_surrogates, lines), self.max_size, self.min_count, "character"))

    @property
    def vocab_size(self) -> int:
        return len(self._learned())

    def encode(self, text: str) -> list[int]:
        self._learned()
        return list(map(self._ids.get, without_surrogates(text), repeat(UNK)))

    def decode(self, ids: Iterable[int]) -> str:
        units = self._learned()
        return "".join(units[i] for i in self._checked(ids) if i not in (PAD, BOS, EOS))

    def pieces(self, text: str) -> list[str]:
        return [self._units[i] for i in self.encode(text)]

    def state_dict(self) -> dict[str, Any]:
        options = {"max_size": self.max_size, "min_count": self.min_count}
        return {"kind": "Characters", "options": options, "units": list(self._units)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.max_size = state["options"]["max_size"]
        self.min_count = state["options"]["min_count"]
        self._keep(list(state["units"]))

    def _keep(self, units: list[str]) -> None:
        self._units = units
        self._ids = ids_of(units)

    def _learned(self) -> list[str]:
        if not self._units:
            raise ValueError("this tokenizer of characters must learn from text before it is used")
        return self._units
