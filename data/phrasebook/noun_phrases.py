"""Random noun phrases, subjects and objects that satisfy selectional restrictions."""

from dataclasses import replace

from phrasebook.adjuncts import NUMBERS
from phrasebook.determiners import ALL, EVERY, MANY, NONE, POSSESSIVES, SOME, THE, THIS, A, Determiner, GradedAdjective
from phrasebook.determiners import counted as number
from phrasebook.lexicon import NOUNS, PEOPLE, Noun, adjectives_for, nouns_of
from phrasebook.nominals import (
    HE,
    SHE,
    THEY,
    WE,
    YOU,
    CoordinatedNominal,
    I,
    Nominal,
    NounPhrase,
    Pronoun,
    ProperName,
)
from phrasebook.random_choice import RandomChoice
from phrasebook.selection import COMPARED, FIRST, MEASURES, clash

SUBJECTS: dict[Pronoun, float] = {I: 6, YOU: 5, HE: 2.5, SHE: 2.5, WE: 3, THEY: 2.5}
OBJECTS = (I, I, YOU, HE, SHE, WE, THEY)
COUNTS = tuple(number(*each) for each in NUMBERS[:9])
INANIMATE = ("food", "text", "clothes", "device", "thing", "furniture", "vehicle", "instrument")
(PARENTS,) = nouns_of(("parents",))
(FAMILY,) = nouns_of(("group",))
# nouns of persons and things that belong to somebody
RELATIONAL = frozenset(("family", "friend", "boss", "neighbor", "colleague", "body", "phone", "birthday", "passport"))


def sample_determiner(rng: RandomChoice, noun: Noun, plural: bool, simple: bool) -> Determiner:
    """Return a determiner; a simple one can be negated by kein or nicht."""
    if rng.bernoulli(0.25 if noun.kinds.isdisjoint(RELATIONAL) else 0.7):
        return rng.uniform((*POSSESSIVES, *POSSESSIVES[:2]))
    if not noun.countable:
        return rng.weighted({THE: 4, NONE: 4, THIS: 1})
    if plural:
        bare = 0 if "person" in noun.kinds else 4
        choice = rng.weighted(
            {THE: 5, NONE: bare, THIS: 2} | ({} if simple else {MANY: 1, SOME: 1, ALL: 0.7, NO_COUNT: 2})
        )
        return rng.uniform(COUNTS) if choice is NO_COUNT else choice
    return rng.weighted({THE: 5, A: 5, THIS: 1.5} | ({} if simple else {EVERY: 0.5}))


NO_COUNT = number("", "")


def sample_adjectives(
    rng: RandomChoice, noun: Noun, determiner: Determiner, probability: float
) -> tuple[GradedAdjective, ...]:
    """Return no attributive adjective, one, or rarely two."""
    fitting = adjectives_for(noun)
    if not fitting or not rng.bernoulli(probability):
        return ()
    adjective = rng.balanced(fitting)
    animate = not noun.kinds.isdisjoint(("person", "animal"))
    if determiner in (THE, A) and adjective.english in COMPARED and not animate and rng.bernoulli(0.25):
        return (GradedAdjective(adjective, "superlative" if determiner is THE else "comparative"),)
    if adjective.english in FIRST and rng.bernoulli(0.12):
        second = rng.balanced(fitting)
        if second.english not in FIRST and not clash(adjective.english, second.english):
            return (GradedAdjective(adjective), GradedAdjective(second))
    return (GradedAdjective(adjective),)


def sample_noun_phrase(
    rng: RandomChoice,
    noun: Noun,
    *,
    simple: bool = False,
    richness: float = 0.3,
    determiner: Determiner | None = None,
    plural: bool | None = None,
) -> NounPhrase:
    """Return a noun phrase with this head; `richness` is the probability of an adjective."""
    if plural is None:
        plural = noun.countable and rng.bernoulli(0.3)
    if determiner is None:
        determiner = sample_determiner(rng, noun, plural, simple)
    adjectives = sample_adjectives(rng, noun, determiner, richness)
    phrase = NounPhrase(noun, determiner, "plural" if plural else "singular", adjectives)
    if determiner is THE and noun.kinds.isdisjoint(("person", "event", "topic", "resource")) and rng.bernoulli(0.06):
        return replace(phrase, possessor=sample_possessor(rng), adjectives=phrase.adjectives[:1])
    return phrase


def sample_possessor(rng: RandomChoice) -> Nominal:
    """Return a person in the genitive."""
    if rng.bernoulli(0.5):
        return ProperName(rng.balanced(PEOPLE))
    noun = rng.balanced(nouns_of(("person",)))
    determiner = THE if rng.bernoulli(0.6) and noun.kinds.isdisjoint(RELATIONAL) else rng.uniform(POSSESSIVES)
    plural = rng.bernoulli(0.15)
    return NounPhrase(
        noun, determiner, "plural" if plural else "singular", sample_adjectives(rng, noun, determiner, 0.15)
    )


def human_subject(rng: RandomChoice, *, simple: bool = False, richness: float = 0.2) -> Nominal:
    """Return a person, or several, as a subject."""
    choice = rng.weighted({"pronoun": 46, "name": 15, "noun": 34, "two": 2.5, "parents": 1.5})
    if choice == "pronoun":
        return rng.weighted(SUBJECTS)
    if choice == "name":
        return ProperName(rng.balanced(PEOPLE))
    if choice == "parents" and rng.bernoulli(0.3):
        return NounPhrase(FAMILY, rng.uniform(POSSESSIVES))
    if choice == "parents":
        return NounPhrase(PARENTS, rng.uniform(POSSESSIVES), "plural")
    if choice == "noun":
        return sample_noun_phrase(rng, rng.balanced(nouns_of(("person",))), simple=simple, richness=richness)
    if rng.bernoulli(0.3):
        relative = rng.balanced(nouns_of(("family", "friend")))
        partner: Nominal = (
            NounPhrase(relative, POSSESSIVES[0]) if rng.bernoulli(0.6) else ProperName(rng.balanced(PEOPLE))
        )
        return CoordinatedNominal(partner, I, person=1)
    name = ProperName(rng.balanced(PEOPLE))
    relative = rng.balanced(nouns_of(("family", "friend", "neighbor", "child")))
    return CoordinatedNominal(name, NounPhrase(relative, POSSESSIVES[2 if name.gender == "masculine" else 3]))


def sample_subject(
    rng: RandomChoice, kinds: tuple[str, ...], *, simple: bool = False, richness: float = 0.2
) -> Nominal:
    """Return a subject of one of these kinds, preferably a person."""
    if "person" in kinds and (len(kinds) == 1 or rng.bernoulli(0.7)):
        return human_subject(rng, simple=simple, richness=richness)
    others = tuple(kind for kind in kinds if kind != "person")
    return sample_noun_phrase(rng, rng.balanced(nouns_of(others)), simple=simple, richness=richness)


def sample_object(
    rng: RandomChoice,
    subject: Nominal,
    kinds: tuple[str, ...],
    *,
    simple: bool = False,
    richness: float = 0.3,
    pronouns: bool = True,
) -> Nominal:
    """Return an object of one of these kinds that differs from the subject."""
    noun = rng.balanced(nouns_of(kinds))
    if "bare" in noun.kinds:
        return NounPhrase(noun, NONE)
    if "person" in noun.kinds and pronouns and rng.bernoulli(0.5):
        if rng.bernoulli(0.6):
            return rng.uniform(tuple(each for each in OBJECTS if each.person == 3 or each.person != subject.person))
        name = ProperName(rng.balanced(PEOPLE))
        if not isinstance(subject, ProperName | CoordinatedNominal):
            return name
        if rng.bernoulli(0.3):
            return NounPhrase(PARENTS, rng.uniform(POSSESSIVES), "plural")
    if isinstance(subject, NounPhrase) and subject.noun is noun:
        noun = rng.balanced(nouns_of(kinds))
    if not noun.kinds.isdisjoint(("food", "drink")) and rng.bernoulli(0.12):
        measured = sample_measure(rng, noun)
        if measured:
            return measured
    phrase = sample_noun_phrase(rng, noun, simple=simple, richness=richness)
    second = rng.balanced(nouns_of(kinds))
    if rng.bernoulli(0.02) and second is not noun and phrase.possessor is None:
        return CoordinatedNominal(phrase, sample_noun_phrase(rng, second, simple=simple, richness=0.0))
    return phrase


def sample_measure(rng: RandomChoice, content: Noun) -> NounPhrase | None:
    """Return a measure of something: a cup of tea, two kilos of apples; None if no measure fits."""
    fitting = tuple(measure for measure, contents in MEASURES if content.english in contents)
    if not fitting:
        return None
    measure = rng.balanced(fitting)
    noun = next(each for each in NOUNS if each.english == measure)
    plural = rng.bernoulli(0.35)
    determiner = rng.uniform(COUNTS[:5]) if plural else A
    return NounPhrase(noun, determiner, "plural" if plural else "singular", content=content)
