"""The interface of tokenizers, which encode every text without an exception."""

import hashlib
import inspect
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

from seq2seq.class_paths import PACKAGE_PREFIX, class_path
from seq2seq.errors import refuse_string
from seq2seq.tokenizers.states import fingerprint, learned_values_of, make_state, options_of

SPECIAL_TOKENS = ("<pad>", "<unk>", "<s>", "</s>")  # the texts of the ids PAD, UNK, BOS and EOS

_SURROGATE = re.compile("[\ud800-\udfff]")


class Tokenizer(ABC):
    """Encodes text as ids and decodes ids. Created with options, then learned from text or restored from a state.

    Ids 0 to 3 are the same for every tokenizer: PAD, UNK, BOS and EOS. A lone surrogate, which is not valid Unicode and
    has no UTF-8 encoding, is always replaced by U+FFFD.

    A subclass in your own module works by its import path, as in `tokenizer: my_tokenizers.Syllables`. Its constructor
    keeps each argument, plain data, in an attribute of the same name. If it returns UNK, it overrides
    `encode_with_unknown` and `characters`, too.
    """

    sampling: float = 0.0  # randomness of `sample`; 0 for tokenizers with one segmentation of each text
    alteration: str = ""  # how encoding changes text, to complete "it is read ..."; empty if it does not

    @abstractmethod
    def learn(self, lines: Iterable[str]) -> None:
        """Learn the vocabulary from lines without their newlines, which are iterated once and not kept in memory.

        Raises a UserError if there is nothing to learn from.
        """

    @property
    @abstractmethod
    def vocab_size(self) -> int:
        """The number of ids, special tokens included. Raises a UserError before the vocabulary is learned."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, without BOS and EOS."""

    def encode_batch(self, lines: list[str]) -> list[list[int]]:
        """Encode several lines, which may be faster than one at a time."""
        refuse_string(lines, "lines")
        return [self.encode(line) for line in lines]

    def encode_blocks(self, blocks: Iterable[str]) -> Iterator[Sequence[int]]:
        """Yield the ids of one text that is split into blocks anywhere; joined, they decode to the joined text.

        Some tokenizers yield memoryviews, which numpy reads faster than lists.
        """
        return map(self.encode, blocks)

    def encode_with_unknown(self, blocks: Iterable[str]) -> Iterator[tuple[Sequence[int], list[str]]]:
        """Yield the ids of `encode_blocks`, each block with the texts of its unknown tokens."""
        return ((ids, []) for ids in self.encode_blocks(blocks))

    @property
    def characters(self) -> frozenset[str]:
        """The learned characters, for spelling unknown tokens; empty if no token can be unknown."""
        return frozenset()

    def alters(self, text: str, previous: str = "\n") -> bool:
        """Return whether encoding changes a text, apart from unknown tokens; see `alteration`.

        Args:
            text: A text, or a part of one.
            previous: The last character before this part.
        """
        return without_surrogates(text) != text

    def sample(self, text: str, seed: int) -> list[int]:
        """Return the ids of a random segmentation, the same for the same seed in every thread and process.

        They decode to the same text as those of `encode`.
        """
        return self.encode(text)

    @abstractmethod
    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids; PAD, BOS and EOS are skipped. Raises ValueError for an id outside the vocabulary."""

    @abstractmethod
    def pieces(self, text: str) -> list[str]:
        """Return the tokens of a text as readable strings, one for each id."""

    @abstractmethod
    def units(self) -> list[str]:
        """Return the vocabulary: one string for each id, equal for equal tokens of two vocabularies of a class."""

    @abstractmethod
    def learned_state(self) -> dict[str, Any]:
        """Return the learned values, also before they are learned, as dicts, lists, numbers, strings, bytes or None.

        The keys are always the same. Together with the options, the values make the tokenizer.
        """

    @abstractmethod
    def load_learned_state(self, state: dict[str, Any]) -> None:
        """Restore the result of `learned_state`. Raises a UserError if it cannot be one."""

    def state_dict(self) -> dict[str, Any]:
        """Return the options and the learned values as dicts, lists, numbers, strings and bytes.

        "kind" is the name of the class, or the import path of a class outside this package, and "version" the version
        of the format.
        """
        return make_state(self, self.learned_state())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the options and the learned values of a state. Raises a UserError if it is not one of this class."""
        self.__dict__.update(self.from_state(state).__dict__)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Return the tokenizer of a state. Raises a UserError if it is not one of this class."""
        tokenizer = cls(**options_of(state, cls))
        tokenizer.load_learned_state(learned_values_of(state, tokenizer.learned_state().keys()))
        return tokenizer

    def fingerprint(self) -> str:
        """Return a hash of the state, equal for equal tokenizers in every process."""
        return fingerprint(self.state_dict())

    def cache_key(self) -> str:
        """Return the key for caches of what this tokenizer learns and encodes.

        It is the fingerprint; for a user's class, whose code may change, it also depends on the source of its module.
        """
        modules = {kind.__module__ for kind in type(self).__mro__ if issubclass(kind, Tokenizer)}
        sources = [_read_source(module) for module in sorted(modules) if not module.startswith(PACKAGE_PREFIX)]
        fingerprint = self.fingerprint()
        return hashlib.sha256("\0".join([fingerprint, *sources]).encode()).hexdigest() if sources else fingerprint

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokenizer) and self.state_dict() == other.state_dict()

    def __hash__(self) -> int:
        return hash(class_path(type(self)))  # learning changes the rest of the state

    def _check_ids(self, ids: Iterable[int]) -> list[int]:
        """Return ids as a list of int. Raises ValueError for an id outside the vocabulary."""
        checked = list(map(int, ids))
        size = self.vocab_size
        if checked and not (min(checked) >= 0 and max(checked) < size):
            raise self._id_error(next(i for i in checked if not 0 <= i < size))
        return checked

    def _id_error(self, token: int) -> ValueError:
        return ValueError(f"an id must be between 0 and {self.vocab_size - 1}, not {token}")


def _read_source(module: str) -> str:
    """Return the source of an imported module; empty if there is none, as in an interactive session."""
    try:
        return inspect.getsource(sys.modules[module])
    except (OSError, TypeError):
        return ""


def without_surrogates(text: str) -> str:
    """Replace each lone surrogate by U+FFFD."""
    try:
        text.encode()  # fails only for surrogates, and is faster than a search
    except UnicodeEncodeError:
        return _SURROGATE.sub("�", text)
    return text
