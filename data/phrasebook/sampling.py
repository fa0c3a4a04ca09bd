"""Chance fills the grammar: who, what, and what happens between them."""

from dataclasses import replace

from phrasebook import circumstances
from phrasebook.chance import Chance
from phrasebook.circumstances import NUMBERS, destination, governed, location, prepositional, somewhere
from phrasebook.clauses import (
    CAN,
    HAVE,
    LIKE,
    MAY,
    MUST,
    PREFER,
    SHOULD,
    WANT,
    WOULD_LIKE,
    Clause,
    Constituent,
    Tense,
    complement,
)
from phrasebook.lexicon import (
    HANG,
    JOURNEYS,
    LANGUAGES,
    MOTIONS,
    PEOPLE,
    PLACINGS,
    POSITIONS,
    STAYS,
    Noun,
    Verb,
    adjectives_for,
    nouns_of,
    verbs_with,
)
from phrasebook.nominals import (
    ALL,
    EVERY,
    HE,
    MANY,
    NONE,
    POSSESSIVES,
    SHE,
    SOME,
    THE,
    THEY,
    THIS,
    WE,
    YOU,
    YOU_TWO,
    A,
    Both,
    Described,
    Determiner,
    I,
    Named,
    Nominal,
    Pronoun,
    Quality,
    counted,
)

SUBJECTS = (I, YOU, HE, SHE, WE, THEY, YOU_TWO)
OBJECTS = (I, YOU, HE, SHE, WE, THEY)
COUNTS = tuple(counted(*number) for number in NUMBERS[:9])
FIRST_QUALITIES = ("big", "small", "old", "young", "new", "beautiful")
INANIMATE = ("food", "text", "clothes", "device", "thing", "furniture", "vehicle", "instrument")


def determiner(chance: Chance, noun: Noun, plural: bool, simple: bool) -> Determiner:
    """What opens a noun phrase; a simple one is a good neighbour to a negation."""
    possessive = chance.pick(POSSESSIVES) if chance.happens(0.25) else None
    if possessive:
        return possessive
    if not noun.countable:
        return chance.weighted({THE: 4, NONE: 4, THIS: 1})
    if plural:
        choice = chance.weighted({THE: 5, NONE: 4, THIS: 2} | ({} if simple else {MANY: 1, SOME: 1, ALL: 0.7, NO_COUNT: 2}))
        return chance.pick(COUNTS) if choice is NO_COUNT else choice
    return chance.weighted({THE: 5, A: 5, THIS: 1.5} | ({} if simple else {EVERY: 0.5}))


NO_COUNT = counted("", "")


def qualities(chance: Chance, noun: Noun, opening: Determiner, richness: float) -> tuple[Quality, ...]:
    """No adjective, one, or seldom two."""
    fitting = adjectives_for(noun)
    if not fitting or not chance.happens(richness):
        return ()
    adjective = chance.pick(fitting)
    if opening in (THE, A) and adjective.superlative and chance.happens(0.12):
        return (Quality(adjective, "superlative" if opening is THE else "comparative"),)
    if adjective.english in FIRST_QUALITIES and chance.happens(0.25):
        second = chance.pick(fitting)
        if second.english not in FIRST_QUALITIES:
            return (Quality(adjective), Quality(second))
    return (Quality(adjective),)


def described(
    chance: Chance,
    noun: Noun,
    *,
    simple: bool = False,
    richness: float = 0.4,
    opening: Determiner | None = None,
    plural: bool | None = None,
) -> Described:
    """A noun phrase around a noun."""
    if plural is None:
        plural = noun.countable and chance.happens(0.3)
    if opening is None:
        opening = determiner(chance, noun, plural, simple)
    phrase = Described(noun, opening, "plural" if plural else "singular", qualities(chance, noun, opening, richness))
    if opening is THE and "person" not in noun.kinds and chance.happens(0.1) and not noun.kinds & {"event", "topic"}:
        return replace(phrase, owner=owner(chance), qualities=phrase.qualities[:1])
    return phrase


def owner(chance: Chance) -> Nominal:
    """Whose something is."""
    if chance.happens(0.5):
        return Named(chance.pick(PEOPLE))
    noun = chance.pick(nouns_of(("person",)))
    opening = THE if chance.happens(0.6) else chance.pick(POSSESSIVES)
    plural = chance.happens(0.15)
    return Described(noun, opening, "plural" if plural else "singular", qualities(chance, noun, opening, 0.15))


def somebody(chance: Chance, *, simple: bool = False, richness: float = 0.3) -> Nominal:
    """A person as a subject."""
    choice = chance.weighted({"pronoun": 32, "name": 18, "noun": 45, "both": 5})
    if choice == "pronoun":
        return chance.pick(SUBJECTS)
    if choice == "name":
        return Named(chance.pick(PEOPLE))
    noun = chance.pick(nouns_of(("person",)))
    if choice == "noun":
        return described(chance, noun, simple=simple, richness=richness)
    name = Named(chance.pick(PEOPLE))
    return Both(name, Described(noun, chance.pick(POSSESSIVES[2:4])))


def subject_of(chance: Chance, kinds: tuple[str, ...], *, simple: bool = False, richness: float = 0.3) -> Nominal:
    """A subject of one of these kinds; a person more often than not, where a person will do."""
    if "person" in kinds and (len(kinds) == 1 or chance.happens(0.7)):
        return somebody(chance, simple=simple, richness=richness)
    others = tuple(kind for kind in kinds if kind != "person")
    return described(chance, chance.pick(nouns_of(others)), simple=simple, richness=richness)


def object_of(
    chance: Chance, subject: Nominal, kinds: tuple[str, ...], *, simple: bool = False, richness: float = 0.4, pronouns: bool = True
) -> Nominal:
    """An object of one of these kinds, never the subject itself."""
    noun = chance.pick(nouns_of(kinds))
    if "person" in noun.kinds and pronouns and chance.happens(0.45):
        if chance.happens(0.6):
            return chance.pick(tuple(each for each in OBJECTS if each.person == 3 or each.person != subject.person))
        name = Named(chance.pick(PEOPLE))
        if not isinstance(subject, Named | Both):
            return name
    if isinstance(subject, Described) and subject.noun is noun:
        noun = chance.pick(nouns_of(kinds))
    return described(chance, noun, simple=simple, richness=richness)


def complements(
    chance: Chance, verb: Verb, subject: Nominal, *, simple: bool = False, richness: float = 0.4
) -> tuple[Constituent, ...]:
    """All that a verb takes."""
    taken = []
    for each in verb.complements:
        if each.kinds == ("language",):
            taken.append(complement("accusative", Named(chance.pick(LANGUAGES)), "accusative"))
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
        return journey(chance, subject or somebody(chance, simple=simple, richness=richness), simple)
    if shape == ("stay",):
        doer = subject or somebody(chance, simple=simple, richness=richness)
        return Clause(doer, chance.pick(STAYS), (place(chance, simple),))
    verb = chance.pick(verbs_with(shape))
    if not person and subject is None and "person" not in verb.subjects:
        subject = subject_of(chance, verb.subjects, simple=simple, richness=richness)
    elif subject is None:
        subject = subject_of(chance, ("person",) if person else verb.subjects, simple=simple, richness=richness)
    return Clause(subject, verb, complements(chance, verb, subject, simple=simple, richness=richness))


def journey(chance: Chance, subject: Nominal, simple: bool = False) -> Clause:
    """Somebody goes somewhere."""
    if chance.happens(0.25):
        return Clause(subject, chance.pick(JOURNEYS), (circumstances.city(chance, "direction"),))
    goal = described(chance, somewhere(chance), simple=True, richness=0.2, opening=THE if chance.happens(0.7) else None)
    return Clause(subject, chance.pick(MOTIONS), (destination(chance, goal),))


def place(chance: Chance, simple: bool = True) -> Constituent:
    """Where something happens."""
    if chance.happens(0.2):
        return circumstances.city(chance, "place")
    opening = THE if chance.happens(0.75) else None
    return location(described(chance, somewhere(chance), simple=True, richness=0.2, opening=opening, plural=False))


SURFACES = (("on", "auf"), ("under", "unter"), ("next to", "neben"), ("behind", "hinter"), ("in front of", "vor"))


def spot(chance: Chance, role: str, simple: bool = True) -> Constituent:
    """On, under or beside a piece of furniture: the dative for being there, the accusative for getting there."""
    english, german = chance.pick(SURFACES)
    target = described(chance, chance.pick(nouns_of(("furniture",))), simple=True, richness=0.2, plural=False)
    return prepositional(role, english, german, target, "dative" if role == "place" else "accusative")


def position(chance: Chance, simple: bool = False) -> Clause:
    """Something lies, stands or sits somewhere."""
    verb = chance.pick(POSITIONS)
    kinds = tuple(kind for kind in verb.subjects if kind not in ("furniture", "vehicle"))
    return Clause(subject_of(chance, kinds, simple=simple), verb, (spot(chance, "place"),))


def placing(chance: Chance, subject: Nominal | None = None, simple: bool = False) -> Clause:
    """Somebody puts something somewhere."""
    verb = chance.pick(PLACINGS)
    thing = described(chance, chance.pick(nouns_of(verb.subjects)), simple=True, richness=0.25)
    doer = subject or somebody(chance, simple=simple, richness=0.2)
    return Clause(doer, verb, (complement("accusative", thing, "accusative"), spot(chance, "direction")))


TIMED_STATES = ("have", "need", "see", "hear")
PERSONAL_MODALS = (CAN, MUST, MAY, SHOULD, WANT, HAVE, WOULD_LIKE, LIKE, PREFER)
ALREADY = circumstances.circumstance("frequency", "already", "schon")


def animate(nominal: Nominal) -> bool:
    """Whether it has a will of its own."""
    return not isinstance(nominal, Described) or "person" in nominal.noun.kinds


def dressed(
    chance: Chance, clause: Clause, *, negative: bool = False, tense: Tense | None = None, timed: float = 0.55
) -> tuple[Clause, Constituent | None]:
    """The clause with a tense, perhaps a modal and circumstances, and the circumstance that may go to the front."""
    state = clause.verb.state
    if tense is None:
        if state:
            tense = chance.weighted({"present": 6, "past": 4})
        else:
            tense = chance.weighted({"present": 30, "past": 30, "future": 15, "perfect": 4, "modal": 22})
    if tense == "modal":
        return modalled(chance, clause, negative)
    if state and clause.verb.lemma not in TIMED_STATES:
        return replace(clause, tense=tense, negative=negative), None
    if tense == "perfect":
        return replace(clause, tense=tense).having(ALREADY), None
    habitual = tense == "present" and not state and chance.happens(0.45)
    if habitual and not negative and chance.happens(0.6):
        how_often = circumstances.frequency(chance)
        return replace(clause, habitual=True).having(how_often), how_often if how_often.english != NEVER else None
    clause = replace(clause, tense=tense, negative=negative, habitual=habitual)
    if not habitual and not chance.happens(timed):
        return with_manner(chance, clause), None
    when = circumstances.time(chance, tense, habitual)
    return clause.having(when), when


NEVER = circumstances.circumstance("frequency", "never", "nie").english


def with_manner(chance: Chance, clause: Clause) -> Clause:
    """The clause with a manner or a place, where it has room for one."""
    if clause.find("place") or clause.find("direction") or clause.find("prepositional"):
        return clause
    if clause.verb.lemma in circumstances.CAREFUL and not clause.negative and chance.happens(0.25):
        return clause.having(circumstances.circumstance("manner", *chance.pick(circumstances.MANNERS)))
    if not clause.verb.complements and chance.happens(0.5):
        return clause.having(place(chance))
    if animate(clause.subject) and not clause.verb.state and not clause.negative and chance.happens(0.12):
        companion = object_of(chance, clause.subject, ("person",), simple=True, richness=0.1)
        return clause.having(prepositional("manner", "with", "mit", companion, "dative"))
    return clause


def modalled(chance: Chance, clause: Clause, negative: bool) -> tuple[Clause, Constituent | None]:
    """The clause under a modal verb."""
    modal = chance.pick(PERSONAL_MODALS) if animate(clause.subject) else CAN
    past = modal in (CAN, WANT, HAVE) and chance.happens(0.35)
    if modal in (MUST, LIKE, PREFER, WOULD_LIKE):
        negative = False
    clause = replace(clause, modal=modal, tense="past" if past else "present", negative=negative)
    if modal in (LIKE, PREFER) or not chance.happens(0.4):
        return clause, None
    when = circumstances.time(chance, "past" if past else "future")
    return clause.having(when), when


def is_pronoun(nominal: Nominal) -> bool:
    """Whether it is a personal pronoun."""
    return isinstance(nominal, Pronoun)


HANGING = (HANG, nouns_of(("clothes",)))
