"""Counts of the unknown tokens of a text, and the cost of spelling them."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from seq2seq.special_tokens import UNK
from seq2seq.standard_streams import rank_zero_log
from seq2seq.tokenizers.tokenizer import SPECIAL_TOKENS, Tokenizer

UNICODE_CODE_POINTS = 0x110000


@dataclass
class UnknownTokenCounts:
    """Number of tokens, and of those whose id is UNK.

    A word that the text itself spells <unk>, as in corpora whose rare words were replaced, counts as unknown: no
    vocabulary contains it.
    """

    tokens: int = 0
    unknown: int = 0

    def add(self, rows: Iterable[list[int]]) -> None:
        """Count the ids of some texts."""
        for ids in rows:
            self.tokens += len(ids)
            self.unknown += ids.count(UNK)

    def describe(self, label: str = "tokens") -> str:
        """Return a sentence about the unknown tokens, without a full stop; empty if there are none.

        Args:
            label: What is counted, in the plural: "source tokens".
        """
        if not self.unknown:
            return ""
        verb = "is" if self.unknown == 1 else "are"
        return (
            f"{self.unknown:,} of {self.tokens:,} {label} ({format_percent(self.unknown, self.tokens)}) {verb} not in "
            f"the vocabulary and {verb} read as {SPECIAL_TOKENS[UNK]}"
        )

    def report(self, label: str = "tokens", prefix: str = "") -> None:
        """Log the sentence to standard error if there are unknown tokens.

        Args:
            label: What is counted, in the plural.
            prefix: Text before the sentence: "train: ".
        """
        if sentence := self.describe(label):
            rank_zero_log(prefix + sentence)


def format_percent(part: int, whole: int) -> str:
    """Format a positive share in percent with two decimals, but never as zero, and as 100 only if it is the whole."""
    share = 100 * part / whole
    if share < 0.01:
        return "less than 0.01 %"
    return f"{min(share, 99.99) if part < whole else share:.2f} %"


class SpellingCost:
    """The cost of spelling the unknown tokens of a text, counted while the text is encoded.

    A model that reads many words as one unknown token finds it easy to predict. Its probabilities become those of the
    text itself if each unknown token is then spelled: by its characters and an end symbol, all equally likely among the
    end symbol and the characters that the tokenizer learned. A character that it did not learn costs, in addition, a
    uniform choice among all of Unicode.

    Args:
        tokenizer: Encodes the text.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.learned_characters = tokenizer.characters
        self.unknown_tokens = 0
        self.spelled_characters = 0  # characters of the unknown tokens
        self.unlearned_characters = 0  # those of them that the tokenizer did not learn

    def encode(self, blocks: Iterable[str]) -> Iterator[Sequence[int]]:
        """Yield the ids of the blocks of a text, and count its unknown tokens."""
        for ids, unknown in self.tokenizer.encode_with_unknown(blocks):
            for text in unknown:
                self.unknown_tokens += 1
                self.spelled_characters += len(text)
                self.unlearned_characters += sum(character not in self.learned_characters for character in text)
            yield ids

    @property
    def nats(self) -> float:
        """The negative log-probability of all spellings."""
        symbols = self.spelled_characters + self.unknown_tokens
        symbol_cost = math.log(len(self.learned_characters) + 1)
        return symbols * symbol_cost + self.unlearned_characters * math.log(UNICODE_CODE_POINTS)
