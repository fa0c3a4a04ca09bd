"""Chance lets something happen: a verb, all that it takes, and when, how and where."""

from dataclasses import replace
from typing import Literal

from phrasebook import circumstances
from phrasebook.chance import Chance
from phrasebook.circumstances import destination, governed, location, prepositional, somewhere
from phrasebook.clauses import Clause
from phrasebook.constituents import (
    CAN,
    HAVE,
    LIKE,
    MAY,
    MUST,
    PREFER,
    SHOULD,
    WANT,
    WOULD_LIKE,
    Constituent,
    Tense,
    complement,
)
from phrasebook.determiners import NONE, THE
from phrasebook.idiom import CAREFUL, HOMES, LONG, SHARED, SITUATED, TIMED_STATES
from phrasebook.lexicon import JOURNEYS, MOTIONS, PLACINGS, POSITIONS, STAYS, Verb, nouns_of, verbs_with
from phrasebook.nominals import Described, Nominal
from phrasebook.sampling import described, object_of, somebody, subject_of
from phrasebook.tree import written


def complements(
    chance: Chance, verb: Verb, subject: Nominal, *, simple: bool = False, richness: float = 0.4
) -> tuple[Constituent, ...]:
    """All that a verb takes."""
    taken = []
    for each in verb.complements:
        if each.kinds == ("language",):
            language = Described(chance.pick(nouns_of(each.kinds)), NONE)
            taken.append(complement("accusative", language, "accusative"))
            continue
        alone = len(verb.complements) == 1
        lean = richness if alone or each.case == "accusative" else 0.1
        nominal = object_of(
            chance, subject, each.kinds, simple=simple, richness=lean, pronouns=alone or each.case == "dative"
        )
        if each.german_preposition:
            taken.append(governed(each, nominal))
        else:
            taken.append(complement(each.case, nominal, each.case))
    return tuple(taken)


SKELETONS = {
    (): 12.0,
    ("accusative",): 44.0,
    ("dative",): 9.0,
    ("dative", "accusative"): 11.0,
    ("preposition",): 14.0,
    ("motion",): 8.0,
    ("stay",): 4.0,
}


def event(
    chance: Chance,
    *,
    subject: Nominal | None = None,
    cases: tuple[str, ...] | None = None,
    simple: bool = False,
    richness: float = 0.35,
    person: bool = False,
) -> Clause:
    """Somebody does something; nothing yet says when."""
    shape = chance.weighted(SKELETONS) if cases is None else cases
    if shape == ("motion",):
        return journey(chance, subject or somebody(chance, simple=simple, richness=richness))
    if shape == ("stay",):
        doer = subject or somebody(chance, simple=simple, richness=richness)
        verb = chance.pick(STAYS)
        return Clause(doer, verb, (place(chance, HOMES if verb.lemma == "live" else ("building", "outdoors", "room")),))
    verb = chance.pick(verbs_with(shape))
    if not person and subject is None and "person" not in verb.subjects:
        subject = subject_of(chance, verb.subjects, simple=simple, richness=richness)
    elif subject is None:
        subject = subject_of(chance, ("person",) if person else verb.subjects, simple=simple, richness=richness)
    return Clause(subject, verb, complements(chance, verb, subject, simple=simple, richness=richness))


def journey(chance: Chance, subject: Nominal) -> Clause:
    """Somebody goes somewhere."""
    if chance.happens(0.25):
        return Clause(subject, chance.pick(JOURNEYS), (circumstances.city(chance, "direction"),))
    verb = chance.pick(MOTIONS)
    kinds = ("outdoors",) if verb.lemma in ("drive", "hike") else ("building", "outdoors", "room")
    opening = THE if chance.happens(0.7) else None
    goal = described(chance, somewhere(chance, kinds), simple=True, richness=0.2, opening=opening, plural=False)
    return Clause(subject, verb, (destination(chance, goal),))


def place(chance: Chance, kinds: tuple[str, ...] = ("building", "outdoors", "room")) -> Constituent:
    """Where something happens."""
    if chance.happens(0.2):
        return circumstances.city(chance, "place")
    opening = THE if chance.happens(0.75) else None
    return location(
        described(chance, somewhere(chance, kinds), simple=True, richness=0.2, opening=opening, plural=False)
    )


SURFACES = (("on", "auf"), ("under", "unter"), ("next to", "neben"), ("behind", "hinter"), ("in front of", "vor"))


def spot(chance: Chance, role: str) -> Constituent:
    """On, under or beside a piece of furniture: the dative for being there, the accusative for getting there."""
    english, german = chance.pick(SURFACES)
    target = described(chance, chance.pick(nouns_of(("furniture",))), simple=True, richness=0.2, plural=False)
    return prepositional(role, english, german, target, "dative" if role == "place" else "accusative")


def position(chance: Chance, simple: bool = False) -> Clause:
    """Something lies, stands or sits somewhere."""
    verb = chance.pick(POSITIONS)
    kinds = tuple(kind for kind in verb.subjects if kind not in ("furniture", "vehicle"))
    return Clause(subject_of(chance, kinds, simple=simple), verb, (spot(chance, "place"),))


def placing(chance: Chance, subject: Nominal | None = None) -> Clause:
    """Somebody puts something somewhere."""
    verb = chance.pick(PLACINGS)
    thing = described(chance, chance.pick(nouns_of(verb.subjects)), simple=True, richness=0.25)
    doer = subject or somebody(chance, simple=True, richness=0.2)
    return Clause(doer, verb, (complement("accusative", thing, "accusative"), spot(chance, "direction")))


PERSONAL_MODALS = (CAN, MUST, MAY, SHOULD, WANT, HAVE, WOULD_LIKE, LIKE, PREFER)


ALREADY = circumstances.circumstance("frequency", "already", "schon")


def animate(nominal: Nominal) -> bool:
    """Whether it has a will of its own."""
    return not isinstance(nominal, Described) or "person" in nominal.noun.kinds


def drawn_tense(chance: Chance, clause: Clause) -> Tense | Literal["modal"]:
    """A tense for the clause, or a modal verb instead."""
    if clause.verb.state:
        return "present" if chance.happens(0.6) else "past"
    if animate(clause.subject):
        return chance.weighted({"present": 30, "past": 30, "future": 15, "perfect": 4, "modal": 22})
    return chance.weighted({"present": 30, "past": 30, "future": 15})


def dressed(
    chance: Chance, clause: Clause, *, negative: bool = False, timed: float = 0.55
) -> tuple[Clause, Constituent | None]:
    """The clause with a tense, perhaps a modal and circumstances, and the circumstance that may go to the front."""
    state = clause.verb.state
    tense = drawn_tense(chance, clause)
    if tense == "modal":
        return modalled(chance, clause, negative)
    if state and clause.verb.lemma not in TIMED_STATES:
        return replace(clause, tense=tense).denied(negative), None
    if tense == "perfect":
        return replace(clause, tense=tense).having(ALREADY), None
    habitual = tense == "present" and not state and not negative and chance.happens(0.45)
    if habitual and chance.happens(0.6):
        how_often = circumstances.frequency(chance)
        first = how_often if written(how_often.english) in MOVABLE else None
        return replace(clause, habitual=True).having(how_often), first
    clause = replace(clause, tense=tense, habitual=habitual).denied(negative)
    if not habitual and not chance.happens(timed):
        return with_manner(chance, clause), None
    when = circumstances.time(chance, tense, habitual, long=clause.verb.lemma in LONG)
    return clause.having(when), when


MOVABLE = ("Sometimes", "Usually", "Often")


def with_manner(chance: Chance, clause: Clause) -> Clause:
    """The clause with a manner or a place, where it has room for one."""
    if clause.find("place") or clause.find("direction") or clause.find("prepositional"):
        return clause
    if clause.verb.lemma in CAREFUL and not clause.negative and chance.happens(0.25):
        return clause.having(circumstances.circumstance("manner", *chance.pick(circumstances.MANNERS)))
    if clause.verb.lemma in SITUATED and chance.happens(0.6):
        return clause.having(place(chance))
    if clause.verb.lemma in SHARED and not clause.negative and chance.happens(0.3):
        companion = object_of(chance, clause.subject, ("person",), simple=True, richness=0.1)
        return clause.having(prepositional("manner", "with", "mit", companion, "dative"))
    return clause


def modalled(chance: Chance, clause: Clause, negative: bool) -> tuple[Clause, Constituent | None]:
    """The clause under a modal verb."""
    modal = chance.pick(PERSONAL_MODALS) if animate(clause.subject) else CAN
    past = modal in (CAN, WANT, HAVE) and chance.happens(0.35)
    if modal in (MUST, LIKE, PREFER, WOULD_LIKE):
        negative = False
    clause = replace(clause, modal=modal, tense="past" if past else "present").denied(negative)
    if modal in (LIKE, PREFER) or not chance.happens(0.4):
        return clause, None
    when = circumstances.time(chance, "past" if past else "future", long=clause.verb.lemma in LONG)
    return clause.having(when), when
