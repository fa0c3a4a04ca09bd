"""The parts of a clause beside its subject and its verb, and the modal verbs above it."""

from dataclasses import dataclass
from typing import Literal

from phrasebook.german import Case
from phrasebook.nominals import Nominal
from phrasebook.tree import Node, Phrase

Tense = Literal["present", "past", "perfect", "future", "conditional"]


ENGLISH_ORDER = (
    "dative",
    "accusative",
    "predicate",
    "prepositional",
    "agent",
    "direction",
    "manner",
    "place",
    "time",
    "clause",
)


GERMAN_ORDER = (
    "pronoun accusative",
    "pronoun dative",
    "time",
    "frequency",
    "dative",
    "accusative",
    "not",
    "manner",
    "place",
    "agent",
    "prepositional",
    "predicate",
    "direction",
)


@dataclass(frozen=True, slots=True)
class Constituent:
    """A part of a clause beside subject and verb, in both languages."""

    role: str
    english: Node
    german: Node
    negated: Node | None = None  # the German under a negation, where it is not nicht that negates
    pronoun: bool = False
    head: str = ""  # the English noun, for an object

    @property
    def rank(self) -> int:
        """The place in the German middle field."""
        return GERMAN_ORDER.index(f"pronoun {self.role}" if self.pronoun else self.role)


def complement(role: str, nominal: Nominal, case: Case) -> Constituent:
    """An object or a predicate in a case."""
    negated = nominal.negated()
    return Constituent(
        role,
        nominal.english(),
        Phrase(role, (nominal.german(case),)),
        Phrase(role, (negated.german(case),)) if negated else None,
        nominal.pronoun,
        nominal.head,
    )


@dataclass(frozen=True, slots=True)
class Modal:
    """A verb over a verb, or the adverb that German uses instead: can, want to, like to."""

    english: str
    english_past: str
    german: str  # an infinitive; empty where it is an adverb
    auxiliary: bool = True  # can, and not want to
    to: bool = False
    adverb: str = ""
    subjunctive: bool = False  # möchte


CAN = Modal("can", "could", "können")


MUST = Modal("must", "", "müssen")


MAY = Modal("may", "", "dürfen")


SHOULD = Modal("should", "", "sollen")


WANT = Modal("want", "wanted", "wollen", auxiliary=False, to=True)


HAVE = Modal("have", "had", "müssen", auxiliary=False, to=True)


WOULD_LIKE = Modal("would", "", "mögen", to=True, subjunctive=True)


LIKE = Modal("like", "liked", "", auxiliary=False, to=True, adverb="gern")


PREFER = Modal("prefer", "preferred", "", auxiliary=False, to=True, adverb="lieber")
