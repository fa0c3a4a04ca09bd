"""Incremental decoding of ids to text."""

import re
from collections.abc import Sequence

from seq2seq.special_tokens import BOS, EOS, PAD
from seq2seq.tokenizers.tokenizer import Tokenizer

_CONTEXT = 8  # ids that the text of the next id can depend on: bytes of a character, spaces between words
# up to three bytes of a character may be missing, and U+001A may start an escape sequence of subwords
_INCOMPLETE = re.compile("(?:\ufffd{1,3}|\x1a)\\Z")


class IncrementalDecoder:
    """Decodes a sequence id by id in constant memory; the texts joined equal the decoded sequence.

    An incomplete character, such as the first of its bytes, is held back until it is complete.

    Args:
        tokenizer: The tokenizer of the ids.
        previous_ids: Ids before the first one, as context; their text is not returned.
    """

    def __init__(self, tokenizer: Tokenizer, previous_ids: Sequence[int] = ()) -> None:
        self.tokenizer = tokenizer
        self.ids = list(previous_ids[-_CONTEXT:])
        self.emitted = len(tokenizer.decode(self.ids))  # characters of the decoded `ids` that were returned already

    def push(self, token: int) -> str:
        """Return the text that this id completes."""
        if token in (PAD, BOS, EOS):
            return ""
        self.ids.append(token)
        text = self.tokenizer.decode(self.ids)
        incomplete = _INCOMPLETE.search(text)
        completed = text[self.emitted : incomplete.start() if incomplete else len(text)]
        self.emitted += len(completed)
        if len(self.ids) >= 2 * _CONTEXT:
            held_back = len(text) - self.emitted
            self.ids = self.ids[-_CONTEXT:]
            self.emitted = len(self.tokenizer.decode(self.ids)) - held_back
        return completed

    def flush(self) -> str:
        """Return the text that was held back, at the end of the sequence."""
        text = self.tokenizer.decode(self.ids)
        held_back, self.emitted = text[self.emitted :], len(text)
        return held_back
