"""Texts to learn from, and texts that are difficult to restore."""

import random
import warnings
from collections.abc import Iterable

from hypothesis import strategies

from seq2seq.tokenizers import Subwords

_SENTENCE = "the a of cat dog houses house housing dogs cats running run runner sees saw seen big bigger biggest"


def make_lines(count: int = 500, seed: int = 0) -> list[str]:
    generator = random.Random(seed)
    return [" ".join(generator.choices(_SENTENCE.split(), k=generator.randint(1, 12))) for _ in range(count)]


def make_ambiguous_lines(count: int = 500, seed: int = 0) -> list[str]:
    """Return lines of words that share many parts, so that a word has many segmentations."""
    generator = random.Random(seed)
    parts = ["ca", "at", "ts", "ho", "hou", "use", "s", "e", "r", "run", "ner", "ing", "t"]
    words = ["".join(generator.choices(parts, k=generator.randint(1, 4))) for _ in range(300)]
    return [" ".join(generator.choices(words, k=6)) for _ in range(count)]


def learn_subwords(tokenizer: Subwords, lines: Iterable[str]) -> Subwords:
    """Learn a tokenizer from lines that may be too few for its size, and return it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        tokenizer.learn(lines)
    return tokenizer


DIFFICULT_TEXTS = [
    "",
    " ",
    "   ",
    "  the  cat ",
    "\n",
    "\n\n\n",
    " \n \n",
    "the cat\n\n  a dog\n",
    "\t\tx\ty",
    "a\r\nb\rc\r",
    "\0",
    "a\0b",
    "a\u2028b\u2029c\u0085d\vf\fg",
    "\ufeff",
    "\ufeffthe",
    "\u2581",
    "▁the▁▁cat ▁",
    "\u2585 the",
    "\x1a",
    "\x1a0\x1a1\x1a2\x1a\x1a3",
    "<unk> <s> </s> <pad> <0x41>",
    "⁇",
    "👩‍👩‍👧‍👦🇩🇪",
    "e\u0301 é ﬁ Å",
    "\u0301",
    "日本語の文",
    "\U0010ffff\ufffe\ufffd",
    "\u00a0the\u3000cat\u200b",
    "x" * 3000,
]
TEXT = strategies.one_of(
    strategies.text(strategies.characters(exclude_categories=["Cs"]), max_size=40),
    strategies.text(" \n\t\r\0\u2581\u2585\x1a012\ufeff\u2028acdeghot", max_size=40),
    strategies.sampled_from(DIFFICULT_TEXTS),
)
ANY_STRING = strategies.one_of(TEXT, strategies.text(strategies.characters(), max_size=40))
