"""One id for each byte of UTF-8."""

from collections.abc import Iterable
from typing import Any

from seq2seq.special import UNK
from seq2seq.tokenizers.interface import SPECIALS, Tokenizer, without_surrogates

_FIRST = len(SPECIALS)


class Bytes(Tokenizer):
    """One id for each byte of the text in UTF-8: 260 ids for any language, nothing to learn and nothing unknown.

    Every text comes back exactly. Ids that are not UTF-8 together, and UNK, are decoded as U+FFFD.
    """

    def learn(self, lines: Iterable[str]) -> None:
        """Nothing: bytes are known. The lines are not read."""

    @property
    def vocab_size(self) -> int:
        return _FIRST + 256

    def encode(self, text: str) -> list[int]:
        return [_FIRST + byte for byte in without_surrogates(text).encode("utf-8")]

    def decode(self, ids: Iterable[int]) -> str:
        # 0xFF occurs nowhere in UTF-8, so it is always replaced
        known = (i - _FIRST if i >= _FIRST else 0xFF for i in self._checked(ids) if i >= _FIRST or i == UNK)
        return bytes(known).decode("utf-8", errors="replace")

    def pieces(self, text: str) -> list[str]:
        return [chr(i - _FIRST) if 32 < i - _FIRST < 127 else f"<0x{i - _FIRST:02X}>" for i in self.encode(text)]

    def state_dict(self) -> dict[str, Any]:
        return {"kind": "Bytes"}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing: all tokenizers of bytes are equal."""
