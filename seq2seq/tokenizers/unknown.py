"""What a tokenizer does not know of the text that it reads, counted and said."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from seq2seq.rank_zero import rank_zero_log
from seq2seq.special_tokens import UNK
from seq2seq.tokenizers.tokenizer import SPECIAL_TOKENS, Tokenizer

CODE_POINTS = 0x110000  # of Unicode


@dataclass
class UnknownTokens:
    """Counts of some tokens and of the unknown ones among them, those whose id is UNK.

    A word that the text itself spells <unk>, as in corpora whose rare words were replaced, is one of them: no
    vocabulary has it.
    """

    tokens: int = 0
    unknown: int = 0

    def add(self, rows: Iterable[list[int]]) -> None:
        """Count the ids of some texts."""
        for ids in rows:
            self.tokens += len(ids)
            self.unknown += ids.count(UNK)

    def sentence(self, kind: str = "tokens") -> str:
        """Return what there is to say of them, without a full stop; nothing if there are none.

        Args:
            kind: What is counted, in the plural: "source tokens".
        """
        if not self.unknown:
            return ""
        verb = "is" if self.unknown == 1 else "are"
        return (
            f"{self.unknown:,} of {self.tokens:,} {kind} ({percent(self.unknown, self.tokens)}) {verb} not in the "
            f"vocabulary and {verb} read as {SPECIAL_TOKENS[UNK]}"
        )

    def report(self, kind: str = "tokens", where: str = "") -> None:
        """Say it on standard error, if there is anything to say.

        Args:
            kind: What is counted, in the plural.
            where: What stands before the sentence, as "train: ".
        """
        if sentence := self.sentence(kind):
            rank_zero_log(where + sentence)


def percent(part: int, whole: int) -> str:
    """Return a share that is not zero with two digits behind the point, never as zero or as all of it if it is not."""
    share = 100 * part / whole
    if share < 0.01:
        return "less than 0.01 %"
    return f"{min(share, 99.99) if part < whole else share:.2f} %"


class Spelling:
    """What it would take to spell the unknown tokens of a text, counted while it is read.

    A model that reads many words as one unknown token finds it easy to predict. Its probabilities become those of the
    text itself if each unknown token is then spelled: by its characters and an end, all of them alike among the
    characters that the tokenizer learned and the end. A character that it did not learn is one of Unicode's besides.

    Args:
        tokenizer: Reads the text.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.known = tokenizer.characters
        self.tokens = 0  # that are unknown
        self.characters = 0  # of these tokens
        self.foreign = 0  # those of the characters that the tokenizer did not learn

    def read(self, blocks: Iterable[str]) -> Iterator[Sequence[int]]:
        """Encode a text that comes in blocks."""
        for ids, unknown in self.tokenizer.encode_with_unknown(blocks):
            for text in unknown:
                self.tokens += 1
                self.characters += len(text)
                self.foreign += sum(character not in self.known for character in text)
            yield ids

    @property
    def nats(self) -> float:
        """The negative log-probability of all spellings."""
        symbols = self.characters + self.tokens
        return symbols * math.log(len(self.known) + 1) + self.foreign * math.log(CODE_POINTS)
