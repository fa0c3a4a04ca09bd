"""One id for each word."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from typing import Any

from seq2seq.errors import UserError, refuse_string
from seq2seq.ranges import Count, checked
from seq2seq.special_tokens import NUM_SPECIAL, UNK
from seq2seq.tokenizers.counting import VocabularySize, check_units, ids_of, most_frequent, texts_of
from seq2seq.tokenizers.states import make_state, options_of
from seq2seq.tokenizers.tokenizer import Tokenizer, without_surrogates

_LOST = re.compile(r"[^\S \n]|  | \n|\n ")  # white space that does not come back


class Words(Tokenizer):
    r"""One id for each word, a run of characters that are not white space; a word that was not learned is <unk>.

    The newline is a word of its own and always known, so a language model can end its lines. `decode` joins words with
    one space and puts none beside a newline: `decode(encode(x))` of known words is
    `"\n".join(" ".join(line.split()) for line in x.split("\n"))`. A corpus that spells its unknown words `<unk>` gives
    them the id UNK.

    Args:
        max_size: How many ids there are at most, special ids included; the most frequent words are kept.
        min_count: How often a word must occur in the text to be kept.
    """

    alteration = "with single spaces between words and none at the ends of lines"

    @checked
    def __init__(self, max_size: VocabularySize | None = None, min_count: Count = 1) -> None:
        self.max_size = max_size
        self.min_count = min_count
        self._keep([])

    def learn(self, lines: Iterable[str]) -> None:
        refuse_string(lines, "lines")
        self._keep(most_frequent(map(_words, lines), self.max_size, self.min_count, "word"))

    @property
    def vocab_size(self) -> int:
        return len(self._learned())

    def encode(self, text: str) -> list[int]:
        return self._look_up(_words(text))

    def encode_blocks(self, blocks: Iterable[str]) -> Iterator[list[int]]:
        return map(self.encode, whole_words(blocks))

    def encode_with_unknown(self, blocks: Iterable[str]) -> Iterator[tuple[list[int], list[str]]]:
        for words in map(_words, whole_words(blocks)):
            ids = self._look_up(words)
            unknown = [word for word, i in zip(words, ids, strict=True) if i == UNK] if UNK in ids else []
            yield ids, unknown

    @property
    def characters(self) -> frozenset[str]:
        return frozenset().union(*self._learned()[NUM_SPECIAL:])

    def alters(self, text: str, before: str = "\n") -> bool:
        return _LOST.search(before + text) is not None or super().alters(text)

    def decode(self, ids: Iterable[int]) -> str:
        self._learned()
        try:
            text = " ".join(filter(None, map(self._texts.__getitem__, ids)))
        except KeyError as error:
            raise self._outside(error.args[0]) from None
        return text.replace(" \n", "\n").replace("\n ", "\n")

    def pieces(self, text: str) -> list[str]:
        return [self._units[i] for i in self.encode(text)]

    def units(self) -> list[str]:
        return list(self._learned())

    def state_dict(self) -> dict[str, Any]:
        return make_state(self, Words, units=list(self._units))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        other = Words(**options_of(state, Words, "units"))
        units = check_units(state["units"], _words, "word")
        self.max_size, self.min_count = other.max_size, other.min_count
        self._keep(units)

    def _look_up(self, words: Iterable[str]) -> list[int]:
        self._learned()
        return list(map(self._ids.get, words, repeat(UNK)))

    def _keep(self, units: list[str]) -> None:
        self._units = units
        self._ids = ids_of(units)
        self._texts = texts_of(units)

    def _learned(self) -> list[str]:
        if not self._units:
            raise UserError("this tokenizer of words must learn from text before it is used")
        return self._units


def _words(text: str) -> list[str]:
    first, *others = without_surrogates(text).split("\n")
    return first.split() + list(chain.from_iterable(["\n", *line.split()] for line in others))


def whole_words(blocks: Iterable[str]) -> Iterator[str]:
    """Yield the same text in blocks that end between words, however long these are."""
    waiting: list[str] = []  # parts of a word that the next block may continue
    for block in map(without_surrogates, blocks):
        rest = block.rsplit(maxsplit=1)[-1] if block and not block[-1].isspace() else ""
        if whole := block.removesuffix(rest):
            yield "".join(waiting) + whole
            waiting.clear()
        waiting.append(rest)
    yield "".join(waiting)
