"""One id for each word."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from seq2seq.tokenizers.frequent_units import FrequentUnits
from seq2seq.tokenizers.tokenizer import without_surrogates

_LOST_WHITE_SPACE = re.compile(r"[^\S \n]|  | \n|\n ")  # white space that decoding does not restore


class Words(FrequentUnits):
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
    unit = "word"

    def split(self, text: str) -> list[str]:
        first_line, *lines = without_surrogates(text).split("\n")
        return first_line.split() + list(chain.from_iterable(["\n", *line.split()] for line in lines))

    def join(self, units: Iterable[str]) -> str:
        return " ".join(filter(None, units)).replace(" \n", "\n").replace("\n ", "\n")

    def align_blocks(self, blocks: Iterable[str]) -> Iterator[str]:
        return split_between_words(blocks)

    def alters(self, text: str, previous: str = "\n") -> bool:
        return _LOST_WHITE_SPACE.search(previous + text) is not None or super().alters(text)


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
