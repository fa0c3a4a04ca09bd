"""Nominals: noun phrases, proper names and pronouns, each inflected in both languages."""

from dataclasses import dataclass, replace
from typing import Protocol

from phrasebook import english, german
from phrasebook.determiners import NO, NONE, THE, A, Determiner, GradedAdjective
from phrasebook.german import Case, Gender, Number, Person
from phrasebook.lexicon import Name, Noun
from phrasebook.tree import COMMA, Node, Phrase, Word


class Nominal(Protocol):
    """A subject, an object or the complement of a preposition."""

    @property
    def person(self) -> Person: ...

    @property
    def number(self) -> Number: ...

    @property
    def gender(self) -> Gender: ...

    @property
    def pronoun(self) -> bool:
        """Whether it is a personal pronoun, which comes first in the German middle field."""

    @property
    def head(self) -> str:
        """The English head noun, or an empty string."""

    def english(self, subject: bool = False) -> Node:
        """Return the English phrase."""

    def german(self, case: Case) -> Node:
        """Return the German phrase in a case."""

    def negated(self) -> "Nominal | None":
        """Return the nominal with kein for ein, or None if nicht negates it."""


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """A noun with its determiner and modifiers: the old dog, my sister's three red hats, a cup of tea."""

    noun: Noun
    determiner: Determiner = THE
    number: Number = "singular"
    adjectives: tuple[GradedAdjective, ...] = ()
    possessor: Nominal | None = None  # in the genitive; a proper name precedes the noun
    content: Noun | None = None  # of a measure: a cup of tea, a kilo of apples
    relative: tuple[Node, Node] | None = None
    person: Person = 3
    pronoun: bool = False

    @property
    def gender(self) -> Gender:
        """The gender of the German noun."""
        return self.noun.german.gender

    @property
    def head(self) -> str:
        """The English head noun; of a measure, the noun that is measured."""
        return (self.content or self.noun).english

    def english(self, subject: bool = False) -> Node:
        """Return the English phrase; a human possessor precedes the noun, any other one follows it after of."""
        described = [word for quality in self.adjectives for word in quality.english()]
        *modifiers, noun = (self.noun.english if self.number == "singular" else self.noun.english_plural).split()
        described += [Word(part, "modifier") for part in modifiers] + [Word(noun, "noun")]
        if self.content:
            measured = self.content.english_plural if self.content.countable else self.content.english
            *_, described[-2], described[-1] = Word(described[-2].text, "noun"), Word("of")
            described.append(Word(measured, "noun"))
        opening = self.determiner.singular if self.number == "singular" else self.determiner.plural
        if self.determiner is A:
            opening = english.indefinite(described[0].text)
        *more, last = opening.split() or [""]
        parts: list[Node] = [Word(word) for word in more]
        parts += [Word(last, self.determiner.kind)] if last else []
        if self.possessor is None:
            parts += described
        elif isinstance(self.possessor, NounPhrase) and "person" not in self.possessor.noun.kinds:
            parts += [*described, Word("of"), self.possessor.english()]
        else:
            parts = [possessive(self.possessor.english()), *described]
        return Phrase("noun phrase", (*parts, self.relative[0]) if self.relative else tuple(parts))

    def german(self, case: Case) -> Node:
        """Return the German phrase, in which determiner, adjectives and noun agree."""
        gender, number = self.noun.german.gender, self.number
        named = isinstance(self.possessor, ProperName)
        determiner = NONE if named else self.determiner
        parts: list[Node] = [possessive(self.possessor.german("nominative"))] if self.possessor and named else []
        if determiner.stem:
            *more, stem = determiner.stem.split()
            form = german.article(stem, determiner.declension, case, gender, number) if determiner.inflected else stem
            parts += [Word(word) for word in more] + [Word(form, determiner.kind, {"stem": stem})]
        for quality in self.adjectives:
            form = german.adjective(quality.stem, determiner.declension, case, gender, number)
            parts.append(Word(form, "adjective", {"stem": quality.stem, "lemma": quality.adjective.english}))
        parts.append(Word(self.noun.german.form(case, number), "noun", {"lemma": self.noun.english}))
        if self.content:
            measured = self.content.german.plural if self.content.countable else self.content.german.singular
            parts.append(Word(measured, "noun"))
        if self.possessor and not named:
            parts.append(self.possessor.german("genitive"))
        if self.relative:
            parts += [COMMA, self.relative[1], COMMA]
        features = {
            "case": case,
            "gender": gender,
            "number": number,
            "declension": determiner.declension,
            "determiner": determiner.stem,
            "noun": self.noun.english,
            "adjectives": ",".join(quality.adjective.english for quality in self.adjectives),
        }
        return Phrase("noun phrase", tuple(parts), features)

    def negated(self) -> "NounPhrase | None":
        """Replace the indefinite article, or none, by kein."""
        return replace(self, determiner=NO) if self.determiner in (A, NONE) else None


def possessive(node: Node) -> Node:
    """Return a phrase with the possessive ending: Anna's, the boys', Annas."""
    if isinstance(node, Phrase):
        return replace(node, parts=(*node.parts[:-1], possessive(node.parts[-1])))
    if "german" in node.features:
        return replace(node, text=node.text + "s", kind="name")
    return replace(node, text=node.text + ("'" if node.text.endswith("s") else "'s"))


@dataclass(frozen=True, slots=True)
class ProperName:
    """The name of a person, a city or a country."""

    name: Name
    person: Person = 3
    number: Number = "singular"
    pronoun: bool = False
    head: str = ""

    @property
    def gender(self) -> Gender:
        """The gender of the person."""
        return self.name.gender

    def english(self, subject: bool = False) -> Node:
        """Return the English name."""
        return Word(self.name.english, "name")

    def german(self, case: Case) -> Node:
        """Return the German name, which has no case endings."""
        return Word(self.name.german, "name", {"german": "yes"})

    def negated(self) -> None:
        """Return None: nicht negates a name."""


@dataclass(frozen=True, slots=True)
class Pronoun:
    """A pronoun: personal, interrogative, indefinite, demonstrative or relative."""

    subject: str
    object: str
    cases: tuple[str, str, str]  # nominative, accusative, dative
    person: Person = 3
    number: Number = "singular"
    gender: Gender = "masculine"
    pronoun: bool = True
    head: str = ""
    kind: str = "pronoun"

    def english(self, subject: bool = False) -> Node:
        """Return the subject form or the object form."""
        return Word(self.subject if subject else self.object, self.kind)

    def german(self, case: Case) -> Node:
        """Return the German pronoun in a case."""
        features = {"case": case, "gender": self.gender, "number": self.number}
        return Word(self.cases[("nominative", "accusative", "dative").index(case)], self.kind, features)

    def negated(self) -> None:
        """Return None: nicht negates a pronoun."""


I = Pronoun("I", "me", ("ich", "mich", "mir"), 1)  # noqa: E741


YOU = Pronoun("you", "you", ("du", "dich", "dir"), 2)


HE = Pronoun("he", "him", ("er", "ihn", "ihm"))


SHE = Pronoun("she", "her", ("sie", "sie", "ihr"), gender="feminine")


IT = Pronoun("it", "it", ("es", "es", "ihm"), gender="neuter")


WE = Pronoun("we", "us", ("wir", "uns", "uns"), 1, "plural")


THEY = Pronoun("they", "them", ("sie", "sie", "ihnen"), 3, "plural")


THERE = Pronoun("there", "there", ("es", "es", "ihm"), gender="neuter")


THAT = Pronoun("that", "that", ("das", "das", "dem"), gender="neuter", kind="demonstrative")


SOMETHING = Pronoun("something", "something", ("etwas",) * 3, gender="neuter", pronoun=False, kind="indefinite")


SOMETHING_TO_EAT = replace(SOMETHING, object="something to eat", cases=("etwas zu essen",) * 3)


SOMETHING_TO_DRINK = replace(SOMETHING, object="something to drink", cases=("etwas zu trinken",) * 3)


NOTHING = Pronoun("nothing", "nothing", ("nichts",) * 3, gender="neuter", pronoun=False, kind="indefinite")


EVERYTHING = Pronoun("everything", "everything", ("alles", "alles", "allem"), pronoun=False, kind="indefinite")


SOMEBODY = Pronoun("somebody", "somebody", ("jemand", "jemanden", "jemandem"), pronoun=False, kind="indefinite")


NOBODY = Pronoun("nobody", "nobody", ("niemand", "niemanden", "niemandem"), pronoun=False, kind="indefinite")


WHO = Pronoun("who", "whom", ("wer", "wen", "wem"), kind="interrogative")


WHAT = Pronoun("what", "what", ("was", "was", "was"), gender="neuter", kind="interrogative")


@dataclass(frozen=True, slots=True)
class CoordinatedNominal:
    """Two nominals joined by a conjunction: Anna and her brother."""

    first: Nominal
    second: Nominal
    person: Person = 3
    number: Number = "plural"
    gender: Gender = "neuter"
    pronoun: bool = False
    head: str = ""

    def english(self, subject: bool = False) -> Node:
        """Return both English nominals."""
        return Phrase("both", (self.first.english(subject), Word("and"), self.second.english(subject)))

    def german(self, case: Case) -> Node:
        """Return both German nominals."""
        return Phrase("both", (self.first.german(case), Word("und"), self.second.german(case)))

    def negated(self) -> None:
        """Return None: nicht negates a coordination."""


def relative_pronoun(noun: Noun, number: Number) -> Pronoun:
    """Return the relative pronoun with the gender and number of its antecedent."""
    at = german.column(noun.german.gender, number)
    nominative, accusative, dative = (german.RELATIVE[case][at] for case in ("nominative", "accusative", "dative"))
    human = "person" in noun.kinds
    return Pronoun(
        "who" if human else "that",
        "whom" if human else "that",
        (nominative, accusative, dative),
        number=number,
        gender=noun.german.gender,
        pronoun=False,
        kind="relative",
    )


PERSONAL = {"masculine": ("er", "ihn", "ihm"), "feminine": ("sie", "sie", "ihr"), "neuter": ("es", "es", "ihm")}


def anaphor(antecedent: Nominal) -> Nominal:
    """Return the personal pronoun that refers to a nominal.

    English chooses it by the natural gender of the referent, German by the gender of the noun: the girl is she and es.
    """
    if isinstance(antecedent, Pronoun):
        return antecedent
    if antecedent.number == "plural":
        return WE if antecedent.person == 1 else THEY
    if isinstance(antecedent, NounPhrase):
        english = {"masculine": HE, "feminine": SHE, "neuter": IT}[antecedent.noun.natural_gender]
        return replace(english, cases=PERSONAL[antecedent.gender], gender=antecedent.gender)
    return HE if antecedent.gender == "masculine" else SHE


def resolve(nominal: Nominal, antecedent: Nominal) -> Nominal:
    """Return the anaphor of the antecedent if a pronoun can refer to it by its English form, and else the nominal."""
    reference = anaphor(antecedent)
    if isinstance(nominal, Pronoun) and isinstance(reference, Pronoun) and nominal.subject == reference.subject:
        return reference
    return nominal
