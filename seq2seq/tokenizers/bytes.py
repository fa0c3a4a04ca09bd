"""One id for each byte of UTF-8."""

from collections.abc import Iterable, Iterator
from typing import Any

from seq2seq.special_tokens import BOS, EOS, PAD, UNK
from seq2seq.tokenizers.states import make_state, options_of
from seq2seq.tokenizers.tokenizer import SPECIAL_TOKENS, Tokenizer, without_surrogates

_FIRST = len(SPECIAL_TOKENS)
# UTF-8 has no byte above 0xF4, so its ids are bytes too, and 0xFF is always decoded as U+FFFD
_TO_IDS = bytes((byte + _FIRST) % 256 for byte in range(256))
_FROM_IDS = bytes(0xFF if i == UNK else (i - _FIRST) % 256 for i in range(256))
_SILENT = bytes((PAD, BOS, EOS))


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
        return list(_ids(text))

    def encode_blocks(self, blocks: Iterable[str]) -> Iterator[memoryview]:
        return (memoryview(_ids(block)) for block in blocks)

    def decode(self, ids: Iterable[int]) -> str:
        known = list(ids)
        try:
            narrow = bytes(known)
        except ValueError:  # an id above 255 is of a byte that UTF-8 does not have, as 255 is
            narrow = bytes(min(i, 255) for i in self._checked(known))
        return narrow.translate(_FROM_IDS, _SILENT).decode("utf-8", errors="replace")

    def pieces(self, text: str) -> list[str]:
        return [chr(i - _FIRST) if 32 < i - _FIRST < 127 else f"<0x{i - _FIRST:02X}>" for i in self.encode(text)]

    def units(self) -> list[str]:
        return [*SPECIAL_TOKENS, *(f"<0x{byte:02X}>" for byte in range(256))]

    def state_dict(self) -> dict[str, Any]:
        return make_state(self, Bytes)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        options_of(state, Bytes)  # all tokenizers of bytes are equal


def _ids(text: str) -> bytes:
    return without_surrogates(text).encode("utf-8").translate(_TO_IDS)
