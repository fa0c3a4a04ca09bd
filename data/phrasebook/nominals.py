"""Whoever or whatever takes part in a sentence: noun phrases, names, pronouns, each in both languages."""

from dataclasses import dataclass, replace
from typing import Protocol

from phrasebook import english, german
from phrasebook.determiners import NO, NONE, THE, A, Determiner, GradedAdjective
from phrasebook.german import Case, Gender, Number, Person
from phrasebook.lexicon import Name, Noun
from phrasebook.tree import COMMA, Node, Phrase, Word


class Nominal(Protocol):
    """What can be a subject or an object."""

    @property
    def person(self) -> Person: ...

    @property
    def number(self) -> Number: ...

    @property
    def gender(self) -> Gender: ...

    @property
    def pronoun(self) -> bool:
        """Whether it is a personal pronoun, which German sein_perfect forward."""

    @property
    def head(self) -> str:
        """The English noun, or nothing."""

    def english(self, subject: bool = False) -> Node:
        """The English phrase."""

    def german(self, case: Case) -> Node:
        """The German phrase in a case."""

    def negated(self) -> "Nominal | None":
        """What German says under a negation: kein for ein. None where nicht must do it."""


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """A noun with all that comes with it: the old dog, my sister's three red hats, a man who sings."""

    noun: Noun
    determiner: Determiner = THE
    number: Number = "singular"
    adjectives: tuple[GradedAdjective, ...] = ()
    possessor: Nominal | None = None  # in the genitive, behind the noun; before it where the possessor has a name
    relative: tuple[Node, Node] | None = None
    person: Person = 3
    pronoun: bool = False

    @property
    def gender(self) -> Gender:
        """The gender of the German noun."""
        return self.noun.german.gender

    @property
    def head(self) -> str:
        """The English noun."""
        return self.noun.english

    def english(self, subject: bool = False) -> Node:
        """The English phrase; an possessor with a mind of his own stands before his noun, a thing behind it."""
        sample_noun_phrase = [word for quality in self.adjectives for word in quality.english()]
        *modifiers, noun = (self.noun.english if self.number == "singular" else self.noun.english_plural).split()
        sample_noun_phrase += [Word(part, "modifier") for part in modifiers] + [Word(noun, "noun")]
        opening = self.determiner.singular if self.number == "singular" else self.determiner.plural
        if self.determiner is A:
            opening = english.indefinite(sample_noun_phrase[0].text)
        *more, last = opening.split() or [""]
        parts: list[Node] = [Word(word) for word in more]
        parts += [Word(last, self.determiner.kind)] if last else []
        if self.possessor is None:
            parts += sample_noun_phrase
        elif isinstance(self.possessor, NounPhrase) and "person" not in self.possessor.noun.kinds:
            parts += [*sample_noun_phrase, Word("of"), self.possessor.english()]
        else:
            parts = [possessive(self.possessor.english()), *sample_noun_phrase]
        return Phrase("noun phrase", (*parts, self.relative[0]) if self.relative else tuple(parts))

    def german(self, case: Case) -> Node:
        """The German phrase, in which article, adjectives and noun agree."""
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
        """Kein stands for ein and for no article."""
        return replace(self, determiner=NO) if self.determiner in (A, NONE) else None


def possessive(node: Node) -> Node:
    """A phrase with an s at its end: Anna's, the boys', Annas."""
    if isinstance(node, Phrase):
        return replace(node, parts=(*node.parts[:-1], possessive(node.parts[-1])))
    if "german" in node.features:
        return replace(node, text=node.text + "s", kind="name")
    return replace(node, text=node.text + ("'" if node.text.endswith("s") else "'s"))


@dataclass(frozen=True, slots=True)
class ProperName:
    """A person, a city or a language by its name."""

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
        """The English name."""
        return Word(self.name.english, "name")

    def german(self, case: Case) -> Node:
        """The German name, the same in every case."""
        return Word(self.name.german, "name", {"german": "yes"})

    def negated(self) -> None:
        """A name has no kein."""


@dataclass(frozen=True, slots=True)
class Pronoun:
    """A pronoun: personal, interrogative or relative."""

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
        """I as a subject, me as an object."""
        return Word(self.subject if subject else self.object, self.kind)

    def german(self, case: Case) -> Node:
        """The pronoun in a case."""
        features = {"case": case, "gender": self.gender, "number": self.number}
        return Word(self.cases[("nominative", "accusative", "dative").index(case)], self.kind, features)

    def negated(self) -> None:
        """A pronoun has no kein."""


I = Pronoun("I", "me", ("ich", "mich", "mir"), 1)  # noqa: E741


YOU = Pronoun("you", "you", ("du", "dich", "dir"), 2)


HE = Pronoun("he", "him", ("er", "ihn", "ihm"))


SHE = Pronoun("she", "her", ("sie", "sie", "ihr"), gender="feminine")


IT = Pronoun("it", "it", ("es", "es", "ihm"), gender="neuter")


WE = Pronoun("we", "us", ("wir", "uns", "uns"), 1, "plural")


THEY = Pronoun("they", "them", ("sie", "sie", "ihnen"), 3, "plural")


THERE = Pronoun("there", "there", ("es", "es", "ihm"), gender="neuter")


WHO = Pronoun("who", "whom", ("wer", "wen", "wem"), kind="interrogative")


WHAT = Pronoun("what", "what", ("was", "was", "was"), gender="neuter", kind="interrogative")


@dataclass(frozen=True, slots=True)
class CoordinatedNominal:
    """Two that act together: Anna and her brother."""

    first: Nominal
    second: Nominal
    person: Person = 3
    number: Number = "plural"
    gender: Gender = "neuter"
    pronoun: bool = False
    head: str = ""

    def english(self, subject: bool = False) -> Node:
        """Joined by and."""
        return Phrase("both", (self.first.english(subject), Word("and"), self.second.english(subject)))

    def german(self, case: Case) -> Node:
        """Joined by und."""
        return Phrase("both", (self.first.german(case), Word("und"), self.second.german(case)))

    def negated(self) -> None:
        """Two have no kein."""


def relative_pronoun(noun: Noun, number: Number) -> Pronoun:
    """Who, or that: der, die, das, in the gender and number of the noun before it."""
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
