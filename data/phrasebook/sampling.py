"""Chance fills the grammar: who, what, and what happens between them."""

from dataclasses import replace

from phrasebook.chance import Chance
from phrasebook.circumstances import NUMBERS
from phrasebook.determiners import ALL, EVERY, MANY, NONE, POSSESSIVES, SOME, THE, THIS, A, Determiner, Quality, counted
from phrasebook.idiom import COMPARED, FIRST, clash
from phrasebook.lexicon import PEOPLE, Noun, adjectives_for, nouns_of
from phrasebook.nominals import HE, SHE, THEY, WE, YOU, Both, Described, I, Named, Nominal, Pronoun

SUBJECTS: dict[Pronoun, float] = {I: 5, YOU: 5, HE: 2, SHE: 2, WE: 2.5, THEY: 2.5}  # I and you have forms of their own


OBJECTS = (I, YOU, HE, SHE, WE, THEY)


COUNTS = tuple(counted(*number) for number in NUMBERS[:9])


INANIMATE = ("food", "text", "clothes", "device", "thing", "furniture", "vehicle", "instrument")


def determiner(chance: Chance, noun: Noun, plural: bool, simple: bool) -> Determiner:
    """What opens a noun phrase; a simple one is a good neighbour to a negation."""
    possessive = chance.pick(POSSESSIVES) if chance.happens(0.25) else None
    if possessive:
        return possessive
    if not noun.countable:
        return chance.weighted({THE: 4, NONE: 4, THIS: 1})
    if plural:
        bare = 0 if "person" in noun.kinds else 4
        choice = chance.weighted(
            {THE: 5, NONE: bare, THIS: 2} | ({} if simple else {MANY: 1, SOME: 1, ALL: 0.7, NO_COUNT: 2})
        )
        return chance.pick(COUNTS) if choice is NO_COUNT else choice
    return chance.weighted({THE: 5, A: 5, THIS: 1.5} | ({} if simple else {EVERY: 0.5}))


NO_COUNT = counted("", "")


def qualities(chance: Chance, noun: Noun, opening: Determiner, richness: float) -> tuple[Quality, ...]:
    """No adjective, one, or seldom two."""
    fitting = adjectives_for(noun)
    if not fitting or not chance.happens(richness):
        return ()
    adjective = chance.pick(fitting)
    alive = not noun.kinds.isdisjoint(("person", "animal"))
    if opening in (THE, A) and adjective.english in COMPARED and not alive and chance.happens(0.25):
        return (Quality(adjective, "superlative" if opening is THE else "comparative"),)
    if adjective.english in FIRST and chance.happens(0.25):
        second = chance.pick(fitting)
        if second.english not in FIRST and not clash(adjective.english, second.english):
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
    choice = chance.weighted({"pronoun": 40, "name": 17, "noun": 39, "both": 4})
    if choice == "pronoun":
        return chance.weighted(SUBJECTS)
    if choice == "name":
        return Named(chance.pick(PEOPLE))
    if choice == "noun":
        return described(chance, chance.pick(nouns_of(("person",))), simple=simple, richness=richness)
    name = Named(chance.pick(PEOPLE))
    relative = chance.pick(nouns_of(("family", "friend", "neighbor", "child")))
    return Both(name, Described(relative, POSSESSIVES[2 if name.gender == "masculine" else 3]))


def subject_of(chance: Chance, kinds: tuple[str, ...], *, simple: bool = False, richness: float = 0.3) -> Nominal:
    """A subject of one of these kinds; a person more often than not, where a person will do."""
    if "person" in kinds and (len(kinds) == 1 or chance.happens(0.7)):
        return somebody(chance, simple=simple, richness=richness)
    others = tuple(kind for kind in kinds if kind != "person")
    return described(chance, chance.pick(nouns_of(others)), simple=simple, richness=richness)


def object_of(
    chance: Chance,
    subject: Nominal,
    kinds: tuple[str, ...],
    *,
    simple: bool = False,
    richness: float = 0.4,
    pronouns: bool = True,
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
