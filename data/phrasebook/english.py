"""English inflection: plurals, verb forms, comparison and the choice between a and an."""

import re
from dataclasses import dataclass
from functools import cache

BE = {"present": ("am", "are", "is", "are", "are", "are"), "past": ("was", "were", "was", "were", "were", "were")}

IRREGULAR = {"good": ("better", "best"), "bad": ("worse", "worst")}


def one_closed_syllable(word: str) -> bool:
    """Return whether the last consonant doubles: big, run, swim."""
    return bool(re.fullmatch("(?:[^aeiou]*|qu)[aeiou][^aeiouwxy]", word))


@cache
def with_s(word: str) -> str:
    """Return a plural, or the third person of a verb."""
    if word.endswith(("s", "x", "z", "ch", "sh")) or word in ("go", "do", "tomato", "potato"):
        return word + "es"
    return word[:-1] + "ies" if re.search("[^aeiou]y$", word) else word + "s"


@cache
def with_ed(word: str) -> str:
    """Return the regular past."""
    if word.endswith("e"):
        return word + "d"
    if one_closed_syllable(word):
        return word + word[-1] + "ed"
    return word[:-1] + "ied" if re.search("[^aeiou]y$", word) else word + "ed"


@cache
def with_ing(word: str) -> str:
    """Return the present participle."""
    if word.endswith("ie"):
        return word[:-2] + "ying"
    if word.endswith("e") and not word.endswith("ee") and word != "be":
        return word[:-1] + "ing"
    return word + (word[-1] if one_closed_syllable(word) or word in ("forget", "begin") else "") + "ing"


@cache
def compared(adjective: str, ending: str) -> str:
    """Return the comparative (ending er) or the superlative (ending est): older, heavier, more boring."""
    if adjective in IRREGULAR:
        return IRREGULAR[adjective][ending == "est"]
    syllables = len(re.findall("[aeiouy]+", adjective.removesuffix("e")))
    if adjective.endswith("y"):
        return adjective[:-1] + "i" + ending
    if syllables > 1:
        return {"er": "more ", "est": "most "}[ending] + adjective
    if one_closed_syllable(adjective):
        return adjective + adjective[-1] + ending
    return adjective.removesuffix("e") + ending


def indefinite(following: str) -> str:
    """Return the indefinite article, a or an, by the sound that follows."""
    return "an" if following[0] in "aeiou" or following in ("honest", "hour") else "a"


@dataclass(frozen=True, slots=True)
class VerbForms:
    """The principal parts of a verb, and its particle: get up."""

    base: str
    past: str
    participle: str
    particle: str = ""

    @property
    def third(self) -> str:
        """The third person singular."""
        return "has" if self.base == "have" else with_s(self.base)

    @property
    def progressive(self) -> str:
        """The form after is."""
        return with_ing(self.base)
