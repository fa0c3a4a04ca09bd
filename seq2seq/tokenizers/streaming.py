"""Text from ids that come one at a time."""

import re
from collections.abc import Sequence

from seq2seq.special_tokens import BOS, EOS, PAD
from seq2seq.tokenizers.tokenizer import Tokenizer

_WINDOW = 8  # ids on which the text of the next one can depend: bytes of a character, spaces between words
# a character may lack up to its last three bytes, and U+001A may begin an escape of subwords
_UNDECIDED = re.compile("(?:\ufffd{1,3}|\x1a)\\Z")


class Decoder:
    """Decodes a sequence id by id, in constant memory; the texts joined are the text of all ids.

    A character that is not yet complete, such as half of its bytes, is held back until it is.

    Args:
        tokenizer: Whose ids they are.
        before: Ids that stand before the first one and whose text is not wanted.
    """

    def __init__(self, tokenizer: Tokenizer, before: Sequence[int] = ()) -> None:
        self.tokenizer = tokenizer
        self.ids = list(before[-_WINDOW:])
        self.given = len(tokenizer.decode(self.ids))  # characters of the window's text that were given already

    def push(self, token: int) -> str:
        """The text that this id completes."""
        if token in (PAD, BOS, EOS):
            return ""
        self.ids.append(token)
        text = self.tokenizer.decode(self.ids)
        undecided = _UNDECIDED.search(text)
        completed = text[self.given : undecided.start() if undecided else len(text)]
        self.given += len(completed)
        if len(self.ids) >= 2 * _WINDOW:
            waiting = len(text) - self.given
            self.ids = self.ids[-_WINDOW:]
            self.given = len(self.tokenizer.decode(self.ids)) - waiting
        return completed

    def flush(self) -> str:
        """What was held back, at the end."""
        text = self.tokenizer.decode(self.ids)
        rest, self.given = text[self.given :], len(text)
        return rest
