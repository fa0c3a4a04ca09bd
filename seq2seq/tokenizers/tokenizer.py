"""What every tokenizer does: text to ids and back, without an exception for any text."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from seq2seq.errors import refuse_string
from seq2seq.tokenizers.states import fingerprint

SPECIAL_TOKENS = ("<pad>", "<unk>", "<s>", "</s>")  # how people read the ids PAD, UNK, BOS and EOS

_SURROGATE = re.compile("[\ud800-\udfff]")


class Tokenizer(ABC):
    """Text to ids and back. Made by its options, then learned from text or restored from a state.

    Ids 0 to 3 are the same for every tokenizer: PAD, UNK, BOS and EOS. A lone surrogate, which is no Unicode text and
    has no UTF-8 form, is read as U+FFFD everywhere.
    """

    sampling: float = 0.0  # how randomly `sample` cuts text; 0 for tokenizers with one segmentation of each text
    alteration: str = ""  # how a text is changed when it is read, as in "it is read ..."; empty if it is not

    @abstractmethod
    def learn(self, lines: Iterable[str]) -> None:
        """Learn the vocabulary from lines without their newlines, read once and never held together in memory.

        Raises ValueError if there is nothing to learn from.
        """

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """How many ids there are, specials included. Raises ValueError if nothing was learned yet."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The ids of a text, without BOS and EOS. Raises for no text at all."""

    def encode_batch(self, lines: list[str]) -> list[list[int]]:
        """The same as `encode` for every line, where many at once may be faster."""
        refuse_string(lines, "lines")
        return [self.encode(line) for line in lines]

    def encode_blocks(self, blocks: Iterable[str]) -> Iterator[Sequence[int]]:
        """The ids of one text that comes in blocks, wherever they were cut; joined, they decode to the joined text.

        Where it is faster they come as a memoryview, which numpy reads at once.
        """
        return map(self.encode, blocks)

    def encode_with_unknown(self, blocks: Iterable[str]) -> Iterator[tuple[Sequence[int], list[str]]]:
        """The same ids with the text of every unknown token among them; none for tokenizers that know every text."""
        return ((ids, []) for ids in self.encode_blocks(blocks))

    @property
    def characters(self) -> frozenset[str]:
        """The characters of what was learned, by which an unknown token is spelled; none if nothing is unknown."""
        return frozenset()

    def alters(self, text: str, before: str = "\n") -> bool:
        """Whether a text would not come back exactly although every token of it is known; see `alteration`.

        Args:
            text: A text, or a part of one.
            before: The last character before this part.
        """
        return without_surrogates(text) != text

    def sample(self, text: str, seed: int) -> list[int]:
        """Return the ids of a random segmentation, the same for the same seed in every thread and process.

        They decode to what those of `encode` do, and are the same where there is only one segmentation.
        """
        return self.encode(text)

    @abstractmethod
    def decode(self, ids: Iterable[int]) -> str:
        """The text of some ids: PAD, BOS and EOS are skipped. Raises ValueError for an id outside the vocabulary."""

    @abstractmethod
    def pieces(self, text: str) -> list[str]:
        """What the ids of a text stand for, one string an id, for people to read."""

    @abstractmethod
    def units(self) -> list[str]:
        """Return what every id stands for, by which ids of two vocabularies of a kind are matched."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return options and what was learned, as dicts, lists, numbers, strings and bytes.

        "kind" names the class, and "version" the version of this form.
        """

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Become the tokenizer that gave this state, options included. Raises a UserError if none of this kind did."""

    def fingerprint(self) -> str:
        """A hash of the state: equal for tokenizers that do the same, in every process."""
        return fingerprint(self.state_dict())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokenizer) and self.state_dict() == other.state_dict()

    def __hash__(self) -> int:
        return hash(self.state_dict()["kind"])  # of what cannot change by learning

    def _checked(self, ids: Iterable[int]) -> list[int]:
        """The ids as a list, after a look at their range."""
        known = list(map(int, ids))
        size = self.vocab_size
        if known and not (min(known) >= 0 and max(known) < size):
            raise self._outside(next(i for i in known if not 0 <= i < size))
        return known

    def _outside(self, wrong: int) -> ValueError:
        return ValueError(f"an id must be between 0 and {self.vocab_size - 1}, not {wrong}")


def without_surrogates(text: str) -> str:
    """The text with U+FFFD in place of each lone surrogate."""
    try:
        text.encode()  # which fails for them alone, and looks faster than an expression does
    except UnicodeEncodeError:
        return _SURROGATE.sub("�", text)
    return text
