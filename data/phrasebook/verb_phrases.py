"""RandomChoice lets something happen: a verb, all that it takes, and when, how and where."""

from dataclasses import replace
from typing import Literal

from phrasebook import adjuncts
from phrasebook.random_choice import RandomChoice
from phrasebook.adjuncts import destination, governed, location, prepositional, somewhere
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
from phrasebook.selection import CAREFUL, HOMES, LONG, SHARED, SITUATED, TIMED_STATES
from phrasebook.lexicon import JOURNEYS, MOTIONS, PLACINGS, POSITIONS, STAYS, Verb, nouns_of, verbs_with
from phrasebook.nominals import NounPhrase, Nominal
from phrasebook.noun_phrases import sample_noun_phrase, sample_object, human_subject, sample_subject
from phrasebook.tree import linearize


def complements(
    rng: RandomChoice, verb: Verb, subject: Nominal, *, simple: bool = False, richness: float = 0.4
) -> tuple[Constituent, ...]:
    """All that a verb takes."""
    taken = []
    for each in verb.complements:
        if each.kinds == ("language",):
            language = NounPhrase(rng.balanced(nouns_of(each.kinds)), NONE)
            taken.append(complement("accusative", language, "accusative"))
            continue
        alone = len(verb.complements) == 1
        lean = richness if alone or each.case == "accusative" else 0.1
        nominal = sample_object(
            rng, subject, each.kinds, simple=simple, richness=lean, pronouns=alone or each.case == "dative"
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


def sample_clause(
    rng: RandomChoice,
    *,
    subject: Nominal | None = None,
    cases: tuple[str, ...] | None = None,
    simple: bool = False,
    richness: float = 0.35,
    person: bool = False,
) -> Clause:
    """Somebody does something; nothing yet says when."""
    shape = rng.weighted(SKELETONS) if cases is None else cases
    if shape == ("motion",):
        return journey(rng, subject or human_subject(rng, simple=simple, richness=richness))
    if shape == ("stay",):
        doer = subject or human_subject(rng, simple=simple, richness=richness)
        verb = rng.balanced(STAYS)
        return Clause(doer, verb, (place(rng, HOMES if verb.lemma == "live" else ("building", "outdoors", "room")),))
    verb = rng.balanced(verbs_with(shape))
    if not person and subject is None and "person" not in verb.subjects:
        subject = sample_subject(rng, verb.subjects, simple=simple, richness=richness)
    elif subject is None:
        subject = sample_subject(rng, ("person",) if person else verb.subjects, simple=simple, richness=richness)
    return Clause(subject, verb, complements(rng, verb, subject, simple=simple, richness=richness))


def journey(rng: RandomChoice, subject: Nominal) -> Clause:
    """Somebody goes somewhere."""
    if rng.bernoulli(0.25):
        return Clause(subject, rng.balanced(JOURNEYS), (adjuncts.city(rng, "direction"),))
    verb = rng.balanced(MOTIONS)
    kinds = ("outdoors",) if verb.lemma in ("drive", "hike") else ("building", "outdoors", "room")
    opening = THE if rng.bernoulli(0.7) else None
    goal = sample_noun_phrase(rng, somewhere(rng, kinds), simple=True, richness=0.2, opening=opening, plural=False)
    return Clause(subject, verb, (destination(rng, goal),))


def place(rng: RandomChoice, kinds: tuple[str, ...] = ("building", "outdoors", "room")) -> Constituent:
    """Where something happens."""
    if rng.bernoulli(0.2):
        return adjuncts.city(rng, "place")
    opening = THE if rng.bernoulli(0.75) else None
    return location(
        sample_noun_phrase(rng, somewhere(rng, kinds), simple=True, richness=0.2, opening=opening, plural=False)
    )


SURFACES = (("on", "auf"), ("under", "unter"), ("next to", "neben"), ("behind", "hinter"), ("in front of", "vor"))


def spot(rng: RandomChoice, role: str) -> Constituent:
    """On, under or beside a piece of furniture: the dative for being there, the accusative for getting there."""
    english, german = rng.balanced(SURFACES)
    target = sample_noun_phrase(rng, rng.balanced(nouns_of(("furniture",))), simple=True, richness=0.2, plural=False)
    return prepositional(role, english, german, target, "dative" if role == "place" else "accusative")


def position(rng: RandomChoice, simple: bool = False) -> Clause:
    """Something lies, stands or sits somewhere."""
    verb = rng.balanced(POSITIONS)
    kinds = tuple(kind for kind in verb.subjects if kind not in ("furniture", "vehicle"))
    return Clause(sample_subject(rng, kinds, simple=simple), verb, (spot(rng, "place"),))


def placing(rng: RandomChoice, subject: Nominal | None = None) -> Clause:
    """Somebody puts something somewhere."""
    verb = rng.balanced(PLACINGS)
    thing = sample_noun_phrase(rng, rng.balanced(nouns_of(verb.subjects)), simple=True, richness=0.25)
    doer = subject or human_subject(rng, simple=True, richness=0.2)
    return Clause(doer, verb, (complement("accusative", thing, "accusative"), spot(rng, "direction")))


PERSONAL_MODALS = (CAN, MUST, MAY, SHOULD, WANT, HAVE, WOULD_LIKE, LIKE, PREFER)


ALREADY = adjuncts.adjunct("frequency", "already", "schon")


def animate(nominal: Nominal) -> bool:
    """Whether it has a will of its own."""
    return not isinstance(nominal, NounPhrase) or "person" in nominal.noun.kinds


def drawn_tense(rng: RandomChoice, clause: Clause) -> Tense | Literal["modal"]:
    """A tense for the clause, or a modal verb instead."""
    if clause.verb.state:
        return "present" if rng.bernoulli(0.6) else "past"
    if animate(clause.subject):
        return rng.weighted({"present": 30, "past": 30, "future": 15, "perfect": 4, "modal": 22})
    return rng.weighted({"present": 30, "past": 30, "future": 15})


def inflected(
    rng: RandomChoice, clause: Clause, *, negative: bool = False, timed: float = 0.55
) -> tuple[Clause, Constituent | None]:
    """The clause with a tense, perhaps a modal and circumstances, and the adjunct that may go to the front."""
    state = clause.verb.state
    tense = drawn_tense(rng, clause)
    if tense == "modal":
        return modalled(rng, clause, negative)
    if state and clause.verb.lemma not in TIMED_STATES:
        return replace(clause, tense=tense).negated(negative), None
    if tense == "perfect":
        return replace(clause, tense=tense).extended(ALREADY), None
    habitual = tense == "present" and not state and not negative and rng.bernoulli(0.45)
    if habitual and rng.bernoulli(0.6):
        how_often = adjuncts.frequency(rng)
        first = how_often if linearize(how_often.english) in MOVABLE else None
        return replace(clause, habitual=True).extended(how_often), first
    clause = replace(clause, tense=tense, habitual=habitual).negated(negative)
    if not habitual and not rng.bernoulli(timed):
        return with_manner(rng, clause), None
    when = adjuncts.time(rng, tense, habitual, long=clause.verb.lemma in LONG)
    return clause.extended(when), when


MOVABLE = ("Sometimes", "Usually", "Often")


def with_manner(rng: RandomChoice, clause: Clause) -> Clause:
    """The clause with a manner or a place, where it has room for one."""
    if clause.find("place") or clause.find("direction") or clause.find("prepositional"):
        return clause
    if clause.verb.lemma in CAREFUL and not clause.negative and rng.bernoulli(0.25):
        return clause.extended(adjuncts.adjunct("manner", *rng.balanced(adjuncts.MANNERS)))
    if clause.verb.lemma in SITUATED and rng.bernoulli(0.6):
        return clause.extended(place(rng))
    if clause.verb.lemma in SHARED and not clause.negative and rng.bernoulli(0.3):
        companion = sample_object(rng, clause.subject, ("person",), simple=True, richness=0.1)
        return clause.extended(prepositional("manner", "with", "mit", companion, "dative"))
    return clause


def modalled(rng: RandomChoice, clause: Clause, negative: bool) -> tuple[Clause, Constituent | None]:
    """The clause under a modal verb."""
    modal = rng.balanced(PERSONAL_MODALS) if animate(clause.subject) else CAN
    past = modal in (CAN, WANT, HAVE) and rng.bernoulli(0.35)
    if modal in (MUST, LIKE, PREFER, WOULD_LIKE):
        negative = False
    clause = replace(clause, modal=modal, tense="past" if past else "present").negated(negative)
    if modal in (LIKE, PREFER) or not rng.bernoulli(0.4):
        return clause, None
    when = adjuncts.time(rng, "past" if past else "future", long=clause.verb.lemma in LONG)
    return clause.extended(when), when
