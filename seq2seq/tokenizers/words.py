"""One id for each word."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import Any

from seq2seq.errors import UserError, refuse_string
from seq2seq.ranges import Count, checked
from seq2seq.special_tokens import NUM_SPECIAL, UNK
from seq2seq.tokenizers.counting import (
    VocabularySize,
    check_units,
    map_ids_to_texts,
    map_units_to_ids,
    most_frequent_units,
)
from seq2seq.tokenizers.states import check_state, make_state
from seq2seq.tokenizers.tokenizer import Tokenizer, without_surrogates

_LOST_WHITE_SPACE = re.compile(r"[^\S \n]|  | \n|\n ")  # white space that decoding does not restore


class Words(Tokenizer):
    r"""One id for each word, a run of characters that are not white space; a word that was not learned is <unk>.

    The newline is a word of its own and always in the vocabulary, so a language model can end its lines. `decode` joins
    words with one space and puts none beside a newline: `decode(encode(x))` of known words is
    `"\n".join(" ".join(line.split()) for line in x.split("\n"))`. The word `<unk>` in a corpus
    has the id UNK.

    Args:
        max_size: Maximum vocabulary size, special tokens included; the most frequent words are kept.
        min_count: Minimum number of occurrences of a word in the text.
    """

    alteration = "with single spaces between words and none at the ends of lines"

    @checked
    def __init__(self, max_size: VocabularySize | None = None, min_count: Count = 1) -> None:
        self.max_size = max_size
        self.min_count = min_count
        self._set_units([])

    def learn(self, lines: Iterable[str]) -> None:
        refuse_string(lines, "lines")
        self._set_units(most_frequent_units(map(_split_words, lines), self.max_size, self.min_count, "word"))

    @property
    def vocab_size(self) -> int:
        return len(self._get_units())

    def encode(self, text: str) -> list[int]:
        return self._lookup(_split_words(text))

    def encode_blocks(self, blocks: Iterable[str]) -> Iterator[list[int]]:
        return map(self.encode, split_between_words(blocks))

    def encode_with_unknown(self, blocks: Iterable[str]) -> Iterator[tuple[list[int], list[str]]]:
        for words in map(_split_words, split_between_words(blocks)):
            ids = self._lookup(words)
            unknown = [word for word, i in zip(words, ids, strict=True) if i == UNK] if UNK in ids else []
            yield ids, unknown

    @property
    def characters(self) -> frozenset[str]:
        return frozenset().union(*self._get_units()[NUM_SPECIAL:])

    def alters(self, text: str, previous: str = "\n") -> bool:
        return _LOST_WHITE_SPACE.search(previous + text) is not None or super().alters(text)

    def decode(self, ids: Iterable[int]) -> str:
        self._get_units()
        try:
            text = " ".join(filter(None, map(self._id_to_text.__getitem__, ids)))
        except KeyError as error:
            raise self._id_error(error.args[0]) from None
        return text.replace(" \n", "\n").replace("\n ", "\n")

    def pieces(self, text: str) -> list[str]:
        return [self._units[i] for i in self.encode(text)]

    def units(self) -> list[str]:
        return list(self._get_units())

    def state_dict(self) -> dict[str, Any]:
        return make_state(self, Words, units=list(self._units))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        other = Words(**check_state(state, Words, "units"))
        units = check_units(state["units"], _split_words, "word")
        self.max_size, self.min_count = other.max_size, other.min_count
        self._set_units(units)

    def _lookup(self, words: Iterable[str]) -> list[int]:
        self._get_units()
        return list(map(self._unit_to_id.get, words, repeat(UNK)))

    def _set_units(self, units: list[str]) -> None:
        self._units = units
        self._unit_to_id = map_units_to_ids(units)
        self._id_to_text = map_ids_to_texts(units)

    def _get_units(self) -> list[str]:
        if not self._units:
            raise UserError("this tokenizer of words must learn from text before it is used")
        return self._units


def _split_words(text: str) -> list[str]:
    first_line, *lines = without_surrogates(text).split("\n")
    return first_line.split() + list(chain.from_iterable(["\n", *line.split()] for line in lines))


def split_between_words(blocks: Iterable[str]) -> Iterator[str]:
    """Yield the same text in blocks that end between words, however long the words are."""
    pending: list[str] = []  # start of a word that the next block may continue
    for block in map(without_surrogates, blocks):
        last_word = block.rsplit(maxsplit=1)[-1] if block and not block[-1].isspace() else ""
        if complete := block.removesuffix(last_word):
            yield "".join(pending) + complete
            pending.clear()
        pending.append(last_word)
    yield "".join(pending)
