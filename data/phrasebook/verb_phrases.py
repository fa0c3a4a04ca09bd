"""Random clauses: a verb with its complements, and its tense, modal verb and adjuncts."""

from dataclasses import replace
from functools import cache
from typing import Literal

from phrasebook import adjuncts
from phrasebook.adjuncts import destination, governed, location, prepositional, somewhere
from phrasebook.clauses import Clause
from phrasebook.constituents import (
    CAN,
    HAVE,
    LIKE,
    MAY,
    MUST,
    NEED,
    PREFER,
    SHOULD,
    WANT,
    WOULD_LIKE,
    Constituent,
    Tense,
    complement,
)
from phrasebook.determiners import NONE, THE
from phrasebook.lexicon import GO_BY, JOURNEYS, MOTIONS, PLACINGS, POSITIONS, STAYS, Verb, nouns_of, verbs_with
from phrasebook.nominals import Nominal, NounPhrase
from phrasebook.noun_phrases import human_subject, sample_noun_phrase, sample_object, sample_subject
from phrasebook.random_choice import RandomChoice
from phrasebook.selection import BENEFACTIVE, CAREFUL, COMMON, HOMES, LONG, MANNERS_OF, SHARED, SITUATED, TIMED_STATES
from phrasebook.tree import linearize

PLACES = ("building", "outdoors", "room")


def complements(
    rng: RandomChoice, verb: Verb, subject: Nominal, *, simple: bool = False, richness: float = 0.25
) -> tuple[Constituent, ...]:
    """Return all complements of a verb."""
    taken = []
    for each in verb.complements:
        alone = len(verb.complements) == 1
        lean = richness if alone or each.case == "accusative" else 0.1
        nominal = sample_object(
            rng, subject, each.kinds, simple=simple, richness=lean, pronouns=alone or each.case == "dative"
        )
        if each.german_preposition:
            taken.append(governed(each, nominal))
        elif verb.lemma == "play" and isinstance(nominal, NounPhrase) and "instrument" in nominal.noun.kinds:
            instrument = NounPhrase(nominal.noun)  # plays the guitar, spielt Gitarre
            bare = complement(each.case, replace(instrument, determiner=NONE), each.case)
            taken.append(replace(bare, english=instrument.english(), bound=True))
        else:
            bound = isinstance(nominal, NounPhrase) and "bare" in nominal.noun.kinds
            taken.append(replace(complement(each.case, nominal, each.case), bound=bound))
    return tuple(taken)


FRAMES = {
    (): 16.0,
    ("accusative",): 44.0,
    ("dative",): 8.0,
    ("dative", "accusative"): 9.0,
    ("preposition",): 14.0,
    ("motion",): 12.0,
    ("stay",): 6.0,
}


def sample_clause(
    rng: RandomChoice,
    *,
    subject: Nominal | None = None,
    cases: tuple[str, ...] | None = None,
    simple: bool = False,
    richness: float = 0.25,
    person: bool = False,
) -> Clause:
    """Return a clause in the present without adjuncts; `cases` is the subcategorization frame of its verb."""
    shape = rng.weighted(FRAMES) if cases is None else cases
    if shape == ("motion",):
        return journey(rng, subject or human_subject(rng, simple=simple, richness=richness))
    if shape == ("stay",):
        doer = subject or human_subject(rng, simple=simple, richness=richness)
        verb = rng.uniform(STAYS)
        return Clause(doer, verb, (place(rng, HOMES if verb.lemma == "live" else PLACES, argument=True),))
    verb = sample_verb(rng, verbs_with(shape, "person" if person or subject else "any"))
    if subject is None:
        subject = sample_subject(rng, ("person",) if person else verb.subjects, simple=simple, richness=richness)
    return Clause(subject, verb, complements(rng, verb, subject, simple=simple, richness=richness))


@cache
def common_verbs(verbs: tuple[Verb, ...]) -> tuple[Verb, ...]:
    """Return the common ones among verbs."""
    return tuple(verb for verb in verbs if verb.lemma in COMMON)


def sample_verb(rng: RandomChoice, verbs: tuple[Verb, ...]) -> Verb:
    """Return one of the verbs, more often a common one."""
    common = common_verbs(verbs)
    return rng.uniform(common) if common and rng.bernoulli(0.5) else rng.balanced(verbs)


def journey(rng: RandomChoice, subject: Nominal) -> Clause:
    """Return a clause with a verb of motion and a direction."""
    means: tuple[Constituent, ...] = (
        (adjuncts.adjunct("means", *rng.uniform(adjuncts.MEANS)),) if rng.bernoulli(0.2) else ()
    )
    if rng.bernoulli(0.2):
        return Clause(subject, rng.uniform(JOURNEYS), (adjuncts.city(rng, "direction"), *means))
    verb = rng.uniform(MOTIONS)
    if means:
        drivers = tuple(each for each in (*MOTIONS, *JOURNEYS) if each.lemma in ("drive", "travel", "come"))
        verb = rng.uniform((*drivers, GO_BY, GO_BY))
    if verb.lemma in ("go", "drive", "come", "run") and rng.bernoulli(0.35):
        choices = adjuncts.DIRECTIONS if verb.lemma == "go" else adjuncts.DIRECTIONS[:1] + adjuncts.DIRECTIONS[2:]
        return Clause(subject, verb, (adjuncts.adjunct("direction", *rng.uniform(choices)), *means))
    if verb.lemma in ("go", "drive", "come") and rng.bernoulli(0.15):
        goal = sample_noun_phrase(rng, rng.balanced(nouns_of(("person", "event"))), richness=0.1, simple=True)
        return Clause(subject, verb, (prepositional("direction", "to", "zu", goal, "dative"), *means))
    if not means and rng.bernoulli(0.12):
        companion = sample_object(rng, subject, ("person",), simple=True, richness=0.1)
        means = (prepositional("manner", "with", "mit", companion, "dative"),)
    kinds = ("outdoors",) if verb.lemma in ("drive", "hike") else PLACES
    determiner = THE if rng.bernoulli(0.7) else None
    goal = sample_noun_phrase(
        rng, somewhere(rng, kinds), simple=True, richness=0.2, determiner=determiner, plural=False
    )
    return Clause(subject, verb, (destination(rng, goal), *means))


def place(rng: RandomChoice, kinds: tuple[str, ...] = PLACES, *, argument: bool = False) -> Constituent:
    """Return a place, as an adjunct or as an argument (of be, live and stay), which nicht precedes."""
    if rng.bernoulli(0.2):
        return adjuncts.city(rng, "place")
    if kinds == PLACES and rng.bernoulli(0.15):
        return adjuncts.adjunct("place", *rng.uniform(adjuncts.PLACE_ADVERBS))
    if rng.bernoulli(0.12):
        return adjuncts.adjunct("place" if argument else "here", *rng.uniform(adjuncts.HERE))
    determiner = THE if rng.bernoulli(0.75) else None
    return location(
        sample_noun_phrase(rng, somewhere(rng, kinds), simple=True, richness=0.2, determiner=determiner, plural=False)
    )


SURFACES = (("on", "auf"), ("under", "unter"), ("next to", "neben"), ("behind", "hinter"), ("in front of", "vor"))


def spot(rng: RandomChoice, role: str) -> Constituent:
    """Return a position relative to furniture: in the dative as a place, in the accusative as a direction."""
    english, german = rng.uniform(SURFACES)
    target = sample_noun_phrase(rng, rng.balanced(nouns_of(("furniture",))), simple=True, richness=0.2, plural=False)
    return prepositional(role, english, german, target, "dative" if role == "place" else "accusative")


def position(rng: RandomChoice, simple: bool = False) -> Clause:
    """Return a clause with a verb of position: lie, stand or sit."""
    verb = rng.uniform(POSITIONS)
    kinds = tuple(kind for kind in verb.subjects if kind not in ("furniture", "vehicle"))
    return Clause(sample_subject(rng, kinds, simple=simple), verb, (spot(rng, "place"),))


def placing(rng: RandomChoice, subject: Nominal | None = None) -> Clause:
    """Return a clause with a verb of putting."""
    verb = rng.uniform(PLACINGS)
    thing = sample_noun_phrase(rng, rng.balanced(nouns_of(verb.subjects)), simple=True, richness=0.25)
    doer = subject or human_subject(rng, simple=True, richness=0.2)
    return Clause(doer, verb, (complement("accusative", thing, "accusative"), spot(rng, "direction")))


MODALS = (CAN, CAN, MUST, MAY, SHOULD, WANT, WANT, HAVE, NEED, WOULD_LIKE, LIKE, PREFER)
ALREADY = adjuncts.adjunct("frequency", "already", "schon")
NEVER = adjuncts.adjunct("frequency", "never", "noch nie")
# mid-position adverbs of clauses in any tense
FOCUS = (("also", "auch"), ("really", "wirklich"))


def animate(nominal: Nominal) -> bool:
    """Return whether a nominal denotes a person."""
    return not isinstance(nominal, NounPhrase) or nominal.noun.human


def sample_tense(rng: RandomChoice, clause: Clause) -> Tense | Literal["modal"]:
    """Return a tense that the clause can take, or "modal" for a modal verb."""
    if clause.verb.state and clause.verb.english.base == clause.verb.english.past:
        return "present"  # hurt: the past would look the same
    if clause.verb.state:
        if animate(clause.subject) and clause.verb.lemma in TIMED_STATES and rng.bernoulli(0.3):
            return rng.weighted({"future": 1, "modal": 2, "perfect": 2})
        return "present" if rng.bernoulli(0.65) else "past"
    if animate(clause.subject):
        return rng.weighted({"present": 30, "past": 26, "future": 13, "perfect": 12, "modal": 20})
    return rng.weighted({"present": 30, "past": 30, "future": 15, "perfect": 6})


def with_aspect(rng: RandomChoice, clause: Clause) -> Clause:
    """Return the clause with one of the English forms of its tense: progressive past, going-to future."""
    if clause.tense == "past" and not clause.verb.state and rng.bernoulli(0.15):
        return replace(clause, progressive=True)
    if clause.tense == "future" and rng.bernoulli(0.35):
        return replace(clause, going_to=True)
    return clause


def inflected(
    rng: RandomChoice, clause: Clause, *, negative: bool = False, timed: float = 0.5
) -> tuple[Clause, Constituent | None]:
    """Return the clause with a tense or modal verb and adjuncts, and the adjunct that can be fronted."""
    state = clause.verb.state
    tense = sample_tense(rng, clause)
    if tense == "modal":
        return modalized(rng, clause, negative)
    if state and clause.verb.lemma not in TIMED_STATES:
        clause = replace(clause, tense=tense).negated(negative)
        return with_manner(rng, clause), None
    if tense == "perfect":
        return perfect(rng, clause), None
    habitual = tense == "present" and not state and not negative and rng.bernoulli(0.55)
    if habitual and rng.bernoulli(0.4):
        return with_manner(rng, replace(clause, habitual=True)), None
    if habitual and rng.bernoulli(0.6):
        how_often = adjuncts.frequency(rng)
        first = how_often if linearize(how_often.english) in MOVABLE else None
        return replace(clause, habitual=True).extended(how_often), first
    simple_negation = negative and tense == "present" and not state and rng.bernoulli(0.5)  # does not smoke
    clause = replace(clause, tense=tense, habitual=habitual or simple_negation).negated(negative)
    clause = with_aspect(rng, clause)
    if not habitual and (simple_negation or not rng.bernoulli(timed)):
        if not negative and rng.bernoulli(0.08):
            return clause.extended(adjuncts.adjunct("frequency", *rng.uniform(FOCUS))), None
        return with_manner(rng, clause), None
    planned = tense == "present" and not habitual and not state and rng.bernoulli(0.4)  # is coming tomorrow
    when = adjuncts.time(rng, "future" if planned else tense, habitual, long=clause.verb.lemma in LONG)
    if rng.bernoulli(0.3):
        clause = with_manner(rng, clause)
    return clause.extended(when), when


MOVABLE = ("Sometimes", "Usually", "Often")


def perfect(rng: RandomChoice, clause: Clause) -> Clause:
    """Return the clause in the perfect: plain, negative, or with already, never or yet."""
    clause = replace(clause, tense="perfect")
    form = rng.weighted({"already": 4, "plain": 3, "negative": 1.5, "yet": 2, "never": 1})
    if form == "already":
        return clause.extended(ALREADY)
    if form == "never":
        return clause.extended(NEVER)
    if form == "plain":
        return clause
    clause = clause.negated()
    if form == "yet" and clause.negative:
        indefinite = any(each.negated for each in clause.constituents)
        return clause.extended(adjuncts.adjunct("early yet" if indefinite else "yet", "yet", "noch"))
    return clause


def with_manner(rng: RandomChoice, clause: Clause) -> Clause:
    """Return the clause with an adjunct of manner, place, company or benefit, if one fits."""
    if clause.find("place") or clause.find("direction") or clause.find("prepositional") or clause.find("here"):
        return clause
    lemma = clause.verb.lemma
    if lemma in CAREFUL and not clause.negative and rng.bernoulli(0.2):
        return clause.extended(adjuncts.adjunct("manner", *rng.uniform(adjuncts.MANNERS)))
    manners = [(english, german) for english, german, verbs in MANNERS_OF if lemma in verbs]
    if clause.subject.number == "singular" and ("together", "zusammen") in manners:
        manners.remove(("together", "zusammen"))
    if clause.negative or (clause.verb.complements and ("a lot", "viel") in manners):
        manners = [each for each in manners if each[0] not in ("a lot", "again")]
    if manners and rng.bernoulli(0.25):
        return clause.extended(adjuncts.adjunct("manner", *rng.uniform(manners)))
    if lemma in SITUATED and rng.bernoulli(0.5):
        return clause.extended(place(rng))
    if lemma in SHARED and not clause.negative and rng.bernoulli(0.3):
        companion = sample_object(rng, clause.subject, ("person",), simple=True, richness=0.1)
        return clause.extended(prepositional("manner", "with", "mit", companion, "dative"))
    if lemma in BENEFACTIVE and not clause.find("dative") and animate(clause.subject) and rng.bernoulli(0.2):
        beneficiary = sample_object(rng, clause.subject, ("person",), simple=True, richness=0.1)
        return clause.extended(prepositional("beneficiary", "for", "für", beneficiary, "accusative"))
    return clause


def modalized(rng: RandomChoice, clause: Clause, negative: bool) -> tuple[Clause, Constituent | None]:
    """Return the clause under a modal verb, and the adjunct that can be fronted."""
    modal = rng.uniform(MODALS) if animate(clause.subject) else CAN
    if clause.verb.state and modal in (LIKE, PREFER):
        modal = WANT
    past = modal in (CAN, WANT, HAVE) and rng.bernoulli(0.35)
    if modal in (LIKE, PREFER, WOULD_LIKE, NEED) or (modal is MUST and past):
        negative = False
    clause = replace(clause, modal=modal, tense="past" if past else "present").negated(negative)
    if modal in (LIKE, PREFER) or not rng.bernoulli(0.4):
        return (with_manner(rng, clause) if rng.bernoulli(0.5) else clause), None
    when = adjuncts.time(rng, "past" if past else "future", long=clause.verb.lemma in LONG)
    return clause.extended(when), when
