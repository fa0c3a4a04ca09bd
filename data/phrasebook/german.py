"""German inflection: articles, adjectives, nouns and verbs, each form computed from what a dictionary gives."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

Case = Literal["nominative", "accusative", "dative", "genitive"]
Gender = Literal["masculine", "feminine", "neuter"]
Number = Literal["singular", "plural"]
Person = Literal[1, 2, 3]
Declension = Literal["weak", "mixed", "strong"]

COLUMNS = ("masculine", "feminine", "neuter", "plural")
STRONG = {
    "nominative": ("er", "e", "es", "e"),
    "accusative": ("en", "e", "es", "e"),
    "dative": ("em", "er", "em", "en"),
    "genitive": ("es", "er", "es", "er"),
}
DEFINITE = {
    "nominative": ("der", "die", "das", "die"),
    "accusative": ("den", "die", "das", "die"),
    "dative": ("dem", "der", "dem", "den"),
    "genitive": ("des", "der", "des", "der"),
}
RELATIVE = DEFINITE | {"dative": ("dem", "der", "dem", "denen"), "genitive": ("dessen", "deren", "dessen", "deren")}
CONTRACTIONS = {
    ("in", "dem"): "im",
    ("an", "dem"): "am",
    ("zu", "dem"): "zum",
    ("zu", "der"): "zur",
    ("von", "dem"): "vom",
    ("in", "das"): "ins",
}
INSEPARABLE = ("be", "ver", "er", "ent", "emp", "ge", "zer")


def column(gender: Gender, number: Number) -> int:
    """Return the column of a declension table: the plural has no gender."""
    return COLUMNS.index("plural" if number == "plural" else gender)


def without_ending(case: Case, gender: Gender, number: Number) -> bool:
    """Return whether ein, kein and mein have no ending."""
    return number == "singular" and (
        (gender == "masculine" and case == "nominative")
        or (gender == "neuter" and case in ("nominative", "accusative"))
    )


@cache
def article(stem: str, declension: Declension, case: Case, gender: Gender, number: Number) -> str:
    """Return the form of an article: `d` is der, die, das; a weak stem declines like dieser, a mixed one like ein."""
    if stem == "d":
        return DEFINITE[case][column(gender, number)]
    if declension == "mixed" and without_ending(case, gender, number):
        return stem
    return stem + STRONG[case][column(gender, number)]


@cache
def adjective(stem: str, declension: Declension, case: Case, gender: Gender, number: Number) -> str:
    """Return the form of an attributive adjective after an article of the declension (strong: after none)."""
    if declension == "strong" or (declension == "mixed" and without_ending(case, gender, number)):
        if case == "genitive" and number == "singular" and gender != "feminine":
            return stem + "en"
        return stem + STRONG[case][column(gender, number)]
    bare = number == "singular" and (case == "nominative" or (case == "accusative" and gender != "masculine"))
    return stem + ("e" if bare else "en")


@dataclass(frozen=True, slots=True)
class NounForms:
    """The principal forms of a noun: gender, plural, and the genitive if it is irregular."""

    singular: str
    gender: Gender
    plural: str
    genitive: str = ""

    @property
    def weak(self) -> bool:
        """Whether every case but the nominative ends in -n, as in der Student, den Studenten."""
        return self.genitive.endswith("n") and not self.singular.endswith("n")

    def form(self, case: Case, number: Number) -> str:
        """The noun in a case and a number."""
        if number == "plural":
            return self.plural + ("n" if case == "dative" and not self.plural.endswith(("n", "s")) else "")
        if case == "nominative" or self.gender == "feminine" or (case != "genitive" and not self.weak):
            return self.singular
        return self.genitive or self.singular + genitive_ending(self.singular)


def genitive_ending(noun: str) -> str:
    """Return the genitive ending: -es after a sibilant and after one syllable, otherwise -s."""
    if noun.endswith(("s", "ß", "x", "z", "sch")):
        return "es"
    one_syllable = len(re.findall("[aeiouyäöü]+", noun.lower())) == 1
    return "es" if one_syllable and noun[-1] not in "aeiouäöü" else "s"


@dataclass(frozen=True, slots=True)
class VerbForms:
    """The principal parts of a verb: particle, infinitive, third person, participle and perfect auxiliary."""

    infinitive: str
    third: str = ""  # er nimmt; empty where it is regular
    perfect: str = ""  # genommen; empty where it is regular
    particle: str = ""
    sein_perfect: bool = False  # the perfect takes sein
    reflexive: bool = False
    simple_past: str = ""  # war, hatte: the few verbs that do without the perfect

    @property
    def stem(self) -> str:
        """The infinitive without its ending."""
        return self.infinitive[:-2] if self.infinitive.endswith("en") else self.infinitive[:-1]

    @property
    def full_infinitive(self) -> str:
        """The infinitive with its particle."""
        return self.particle + self.infinitive

    def present(self, person: Person, number: Number) -> str:
        """The finite form, without the particle."""
        if self.infinitive in IRREGULAR_PRESENT:
            return IRREGULAR_PRESENT[self.infinitive][index(person, number)]
        if number == "plural" and person != 2:
            return self.infinitive
        if person == 1:
            return (self.stem[:-2] + "l" if self.infinitive.endswith("eln") else self.stem) + "e"
        if number == "singular" and self.third:
            return self.third if person == 3 else second_person(self.third[:-1])
        link = "e" if needs_linking_e(self.stem) else ""
        return self.stem + link + "t" if person == 3 or number == "plural" else second_person(self.stem + link)

    @property
    def participle(self) -> str:
        """The participle, with its particle: gekauft, verkauft, eingekauft, studiert."""
        if self.perfect:
            return self.particle + self.perfect
        prefix = "" if self.infinitive.startswith(INSEPARABLE) or self.infinitive.endswith("ieren") else "ge"
        return self.particle + prefix + self.stem + ("et" if needs_linking_e(self.stem) else "t")

    @property
    def zu_infinitive(self) -> tuple[str, ...]:
        """The infinitive with zu, which goes between particle and verb: zu kaufen, einzukaufen."""
        return (f"{self.particle}zu{self.infinitive}",) if self.particle else ("zu", self.infinitive)

    @property
    def imperative(self) -> str:
        """What one says to a friend, without the particle: warte, laufe, but lies and gib."""
        changed = self.third[:-1] if "e" in self.stem and "i" in self.third else self.stem
        return self.present(1, "singular") if self.stem.startswith(changed) else changed


def needs_linking_e(stem: str) -> bool:
    """Return whether the ending follows an e: wartest, öffnet, regnet, but lernt and kommt."""
    return stem.endswith(("d", "t")) or bool(re.search("(?:[^aeiouäöülrmnh]|ch)[mn]$", stem))


def second_person(stem: str) -> str:
    """Return the second person singular, without the s after a sibilant."""
    return stem + ("t" if stem.endswith(("s", "ß", "z")) else "st")


def index(person: Person, number: Number) -> int:
    """Return the index in a paradigm of six forms: ich, du, er, wir, ihr, sie."""
    return person - 1 + (3 if number == "plural" else 0)


IRREGULAR_PRESENT = {
    "sein": ("bin", "bist", "ist", "sind", "seid", "sind"),
    "haben": ("habe", "hast", "hat", "haben", "habt", "haben"),
    "werden": ("werde", "wirst", "wird", "werden", "werdet", "werden"),
    "wissen": ("weiß", "weißt", "weiß", "wissen", "wisst", "wissen"),
    "können": ("kann", "kannst", "kann", "können", "könnt", "können"),
    "müssen": ("muss", "musst", "muss", "müssen", "müsst", "müssen"),
    "dürfen": ("darf", "darfst", "darf", "dürfen", "dürft", "dürfen"),
    "sollen": ("soll", "sollst", "soll", "sollen", "sollt", "sollen"),
    "wollen": ("will", "willst", "will", "wollen", "wollt", "wollen"),
    "mögen": ("mag", "magst", "mag", "mögen", "mögt", "mögen"),
}
PAST_STEMS = {
    "wissen": "wusste",
    "sein": "war",
    "haben": "hatte",
    "werden": "wurde",
    "können": "konnte",
    "müssen": "musste",
    "dürfen": "durfte",
    "sollen": "sollte",
    "wollen": "wollte",
    "mögen": "mochte",
}
SUBJUNCTIVE_STEMS = {"sein": "wäre", "haben": "hätte", "werden": "würde", "mögen": "möchte", "können": "könnte"}


def with_past_ending(stem: str, person: Person, number: Number) -> str:
    """Return a form of the simple past or of the subjunctive, which have the same endings."""
    endings = ("", "st", "", "n", "t", "n") if stem.endswith("e") else ("", "st", "", "en", "t", "en")
    return stem + endings[index(person, number)]
