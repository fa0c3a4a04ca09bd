"""Constituents of a clause (complements and adjuncts), their order in both languages, and modal verbs."""

from dataclasses import dataclass
from typing import Literal

from phrasebook.german import Case
from phrasebook.nominals import Nominal
from phrasebook.tree import Node, Phrase

Tense = Literal["present", "past", "perfect", "pluperfect", "future", "conditional"]


ENGLISH_ORDER = (
    "dative",
    "accusative",
    "predicate",
    "prepositional",
    "agent",
    "direction",
    "beneficiary",
    "manner",
    "place",
    "here",
    "means",
    "time",
    "yet",
    "early yet",
    "anymore",
    "clause",
)


GERMAN_ORDER = (
    "pronoun accusative",
    "pronoun dative",
    "please",
    "time",
    "here",
    "frequency",
    "early yet",
    "dative",
    "accusative",
    "yet",
    "not",
    "anymore",
    "beneficiary",
    "means",
    "manner",
    "place",
    "agent",
    "prepositional",
    "predicate",
    "direction",
)


@dataclass(frozen=True, slots=True)
class Constituent:
    """A complement or an adjunct of a clause, in both languages."""

    role: str
    english: Node
    german: Node
    negated: Node | None = None  # the German under a negation, where it is not nicht that negates
    pronoun: bool = False
    head: str = ""  # the English noun, for an object
    bound: bool = False  # a bare object, which follows the adverbials: spielt gut Klavier
    english_negated: Node | None = None  # the English object with no instead of a negated verb

    @property
    def rank(self) -> int:
        """The rank in the German middle field."""
        if self.bound:
            return GERMAN_ORDER.index("predicate")
        return GERMAN_ORDER.index(f"pronoun {self.role}" if self.pronoun else self.role)


def complement(role: str, nominal: Nominal, case: Case) -> Constituent:
    """Return an object or a predicative in a case."""
    negated = nominal.negated()
    return Constituent(
        role,
        nominal.english(),
        Phrase(role, (nominal.german(case),)),
        Phrase(role, (negated.german(case),)) if negated else None,
        nominal.pronoun,
        nominal.head,
        english_negated=negated.english() if negated else None,
    )


@dataclass(frozen=True, slots=True)
class Modal:
    """A verb that governs an infinitive (can, want to), or one that German expresses by an adverb (like to, gern)."""

    english: str
    english_past: str
    german: str  # an infinitive; empty where it is an adverb
    auxiliary: bool = True  # can, and not want to
    to: bool = False
    adverb: str = ""
    subjunctive: bool = False  # möchte, könnte
    german_negated: str = ""  # the infinitive under a negation: must not, nicht dürfen


CAN = Modal("can", "could", "können")


MUST = Modal("must", "", "müssen", german_negated="dürfen")


MAY = Modal("may", "", "dürfen")


SHOULD = Modal("should", "", "sollen")


WANT = Modal("want", "wanted", "wollen", auxiliary=False, to=True)


HAVE = Modal("have", "had", "müssen", auxiliary=False, to=True)


WOULD_LIKE = Modal("would", "", "mögen", to=True, subjunctive=True)


COULD = Modal("could", "", "können", subjunctive=True)  # in polite requests


SHALL = Modal("shall", "", "sollen")  # in suggestions: shall we


NEED = Modal("need", "needed", "müssen", auxiliary=False, to=True)


LIKE = Modal("like", "liked", "", auxiliary=False, to=True, adverb="gern")


PREFER = Modal("prefer", "preferred", "", auxiliary=False, to=True, adverb="lieber")
