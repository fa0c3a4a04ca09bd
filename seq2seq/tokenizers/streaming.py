"""Text from ids that come one at a time."""

from seq2seq.tokenizers.interface import Tokenizer

_LONGEST = 8  # ids that one character may take before it is given up for broken


class Decoder:
    """Decodes a sequence id by id, in constant memory; the texts joined are the text of all ids.

    A character that is not yet complete, such as half of its bytes, is held back until it is.

    Args:
        tokenizer: Whose ids they are.
        before: Ids that stand before the first one and whose text is not wanted.
    """

    def __init__(self, tokenizer: Tokenizer, before: list[int] | None = None) -> None:
        self.tokenizer = tokenizer
        self.said = list(before or [])[-_LONGEST:]  # what the next text depends on: spaces between words, say
        self.held: list[int] = []

    def push(self, token: int) -> str:
        """The text that this id completes."""
        self.held.append(token)
        text = self.text()
        if text.endswith("�") and len(self.held) < _LONGEST:
            return ""
        self.said, self.held = (self.said + self.held)[-_LONGEST:], []
        return text

    def flush(self) -> str:
        """What was held back, at the end."""
        text, self.held = self.text() if self.held else "", []
        return text

    def text(self) -> str:
        known = self.tokenizer.decode(self.said)
        return self.tokenizer.decode(self.said + self.held)[len(known) :]
