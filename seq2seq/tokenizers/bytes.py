"""One id for each byte of UTF-8."""

from collections.abc import Iterable, Iterator
from typing import Any

from seq2seq.special_tokens import BOS, EOS, PAD, UNK
from seq2seq.tokenizers.tokenizer import SPECIAL_TOKENS, Tokenizer, without_surrogates

_FIRST_BYTE = len(SPECIAL_TOKENS)
# UTF-8 has no byte above 0xF4, so ids of text fit into bytes, and 0xFF is always decoded as U+FFFD
_BYTE_TO_ID = bytes((byte + _FIRST_BYTE) % 256 for byte in range(256))
_ID_TO_BYTE = bytes(0xFF if i == UNK else (i - _FIRST_BYTE) % 256 for i in range(256))
_SKIPPED_IDS = bytes((PAD, BOS, EOS))


class Bytes(Tokenizer):
    """One id for each byte of the text in UTF-8: 260 ids for any language, nothing to learn and no unknown tokens.

    Every text is restored exactly. Invalid UTF-8 and UNK are decoded as U+FFFD.
    """

    def learn(self, lines: Iterable[str]) -> None:
        """Do nothing: the vocabulary is fixed, and the lines are not read."""

    @property
    def vocab_size(self) -> int:
        return _FIRST_BYTE + 256

    def encode(self, text: str) -> list[int]:
        return list(_encode(text))

    def encode_blocks(self, blocks: Iterable[str]) -> Iterator[memoryview]:
        return (memoryview(_encode(block)) for block in blocks)

    def decode(self, ids: Iterable[int]) -> str:
        ids = list(ids)
        try:
            ids_as_bytes = bytes(ids)
        except ValueError:  # an id above 255 is a byte that UTF-8 does not have, and so is 255
            ids_as_bytes = bytes(min(i, 255) for i in self._check_ids(ids))
        return ids_as_bytes.translate(_ID_TO_BYTE, _SKIPPED_IDS).decode("utf-8", errors="replace")

    def pieces(self, text: str) -> list[str]:
        return [
            chr(i - _FIRST_BYTE) if 32 < i - _FIRST_BYTE < 127 else f"<0x{i - _FIRST_BYTE:02X}>"
            for i in self.encode(text)
        ]

    def units(self) -> list[str]:
        return [*SPECIAL_TOKENS, *(f"<0x{byte:02X}>" for byte in range(256))]

    def learned_state(self) -> dict[str, Any]:
        return {}

    def load_learned_state(self, state: dict[str, Any]) -> None:
        """Do nothing: there is nothing to restore."""


def _encode(text: str) -> bytes:
    return without_surrogates(text).encode("utf-8").translate(_BYTE_TO_ID)
