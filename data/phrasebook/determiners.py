"""Determiners (articles, possessives, numerals) and attributive adjectives."""

from collections.abc import Iterator
from dataclasses import dataclass

from phrasebook import english
from phrasebook.german import Declension
from phrasebook.lexicon import Adjective
from phrasebook.tree import Word


@dataclass(frozen=True, slots=True)
class Determiner:
    """A determiner: its English form in both numbers, its German stem and the declension of adjectives after it."""

    singular: str  # empty in the number that does not exist
    plural: str
    stem: str
    declension: Declension
    kind: str = "article"
    inflected: bool = True


NONE = Determiner("", "", "", "strong")


THE = Determiner("the", "the", "d", "weak")


A = Determiner("a", "", "ein", "mixed")


NO = Determiner("no", "no", "kein", "mixed")


THIS = Determiner("this", "these", "dies", "weak")


EVERY = Determiner("every", "", "jed", "weak")


WHICH = Determiner("which", "which", "welch", "weak")


ALL = Determiner("", "all", "all", "weak")


MANY = Determiner("", "many", "viel", "strong")


SOME = Determiner("", "some", "einig", "strong")


HOW_MANY = Determiner("", "how many", "wie viel", "strong")


HOW_MUCH = Determiner("how much", "", "wie viel", "strong", "number", inflected=False)


POSSESSIVES = tuple(
    Determiner(word, word, stem, "mixed")
    for word, stem in (
        ("my", "mein"),
        ("your", "dein"),
        ("his", "sein"),
        ("her", "ihr"),
        ("our", "unser"),
        ("their", "ihr"),
    )
)


def counted(english_number: str, german_number: str) -> Determiner:
    """Return a cardinal number as a determiner."""
    return Determiner("", english_number, german_number, "strong", "number", inflected=False)


@dataclass(frozen=True, slots=True)
class GradedAdjective:
    """An attributive adjective in a degree of comparison: old, older or oldest."""

    adjective: Adjective
    degree: str = "positive"

    def english(self) -> Iterator[Word]:
        """Yield the English words."""
        text = self.adjective.english
        if self.degree != "positive":
            text = english.compared(text, {"comparative": "er", "superlative": "est"}[self.degree])
        *more, last = text.split()
        yield from (Word(word, "degree") for word in more)
        yield Word(last, "adjective")

    @property
    def stem(self) -> str:
        """The German stem that takes the ending."""
        if self.degree == "positive":
            return self.adjective.stem
        return self.adjective.comparative if self.degree == "comparative" else self.adjective.superlative
