"""RandomChoice fills the grammar: who, what, and what happens between them."""

from dataclasses import replace

from phrasebook.random_choice import RandomChoice
from phrasebook.adjuncts import NUMBERS
from phrasebook.determiners import ALL, EVERY, MANY, NONE, POSSESSIVES, SOME, THE, THIS, A, Determiner, GradedAdjective, counted
from phrasebook.selection import COMPARED, FIRST, clash
from phrasebook.lexicon import PEOPLE, Noun, adjectives_for, nouns_of
from phrasebook.nominals import HE, SHE, THEY, WE, YOU, CoordinatedNominal, NounPhrase, I, ProperName, Nominal, Pronoun

SUBJECTS: dict[Pronoun, float] = {I: 5, YOU: 5, HE: 2, SHE: 2, WE: 2.5, THEY: 2.5}  # I and you have forms of their own


OBJECTS = (I, YOU, HE, SHE, WE, THEY)


COUNTS = tuple(counted(*number) for number in NUMBERS[:9])


INANIMATE = ("food", "text", "clothes", "device", "thing", "furniture", "vehicle", "instrument")


def determiner(rng: RandomChoice, noun: Noun, plural: bool, simple: bool) -> Determiner:
    """What opens a noun phrase; a simple one is a good neighbour to a negation."""
    possessive = rng.balanced(POSSESSIVES) if rng.bernoulli(0.25) else None
    if possessive:
        return possessive
    if not noun.countable:
        return rng.weighted({THE: 4, NONE: 4, THIS: 1})
    if plural:
        bare = 0 if "person" in noun.kinds else 4
        choice = rng.weighted(
            {THE: 5, NONE: bare, THIS: 2} | ({} if simple else {MANY: 1, SOME: 1, ALL: 0.7, NO_COUNT: 2})
        )
        return rng.balanced(COUNTS) if choice is NO_COUNT else choice
    return rng.weighted({THE: 5, A: 5, THIS: 1.5} | ({} if simple else {EVERY: 0.5}))


NO_COUNT = counted("", "")


def adjectives(rng: RandomChoice, noun: Noun, opening: Determiner, richness: float) -> tuple[GradedAdjective, ...]:
    """No adjective, one, or seldom two."""
    fitting = adjectives_for(noun)
    if not fitting or not rng.bernoulli(richness):
        return ()
    adjective = rng.balanced(fitting)
    alive = not noun.kinds.isdisjoint(("person", "animal"))
    if opening in (THE, A) and adjective.english in COMPARED and not alive and rng.bernoulli(0.25):
        return (GradedAdjective(adjective, "superlative" if opening is THE else "comparative"),)
    if adjective.english in FIRST and rng.bernoulli(0.25):
        second = rng.balanced(fitting)
        if second.english not in FIRST and not clash(adjective.english, second.english):
            return (GradedAdjective(adjective), GradedAdjective(second))
    return (GradedAdjective(adjective),)


def sample_noun_phrase(
    rng: RandomChoice,
    noun: Noun,
    *,
    simple: bool = False,
    richness: float = 0.4,
    opening: Determiner | None = None,
    plural: bool | None = None,
) -> NounPhrase:
    """A noun phrase around a noun."""
    if plural is None:
        plural = noun.countable and rng.bernoulli(0.3)
    if opening is None:
        opening = determiner(rng, noun, plural, simple)
    phrase = NounPhrase(noun, opening, "plural" if plural else "singular", adjectives(rng, noun, opening, richness))
    if opening is THE and "person" not in noun.kinds and rng.bernoulli(0.1) and not noun.kinds & {"event", "topic"}:
        return replace(phrase, possessor=possessor(rng), adjectives=phrase.adjectives[:1])
    return phrase


def possessor(rng: RandomChoice) -> Nominal:
    """Whose something is."""
    if rng.bernoulli(0.5):
        return ProperName(rng.balanced(PEOPLE))
    noun = rng.balanced(nouns_of(("person",)))
    opening = THE if rng.bernoulli(0.6) else rng.balanced(POSSESSIVES)
    plural = rng.bernoulli(0.15)
    return NounPhrase(noun, opening, "plural" if plural else "singular", adjectives(rng, noun, opening, 0.15))


def human_subject(rng: RandomChoice, *, simple: bool = False, richness: float = 0.3) -> Nominal:
    """A person as a subject."""
    choice = rng.weighted({"pronoun": 40, "name": 17, "noun": 39, "both": 4})
    if choice == "pronoun":
        return rng.weighted(SUBJECTS)
    if choice == "name":
        return ProperName(rng.balanced(PEOPLE))
    if choice == "noun":
        return sample_noun_phrase(rng, rng.balanced(nouns_of(("person",))), simple=simple, richness=richness)
    name = ProperName(rng.balanced(PEOPLE))
    relative = rng.balanced(nouns_of(("family", "friend", "neighbor", "child")))
    return CoordinatedNominal(name, NounPhrase(relative, POSSESSIVES[2 if name.gender == "masculine" else 3]))


def sample_subject(rng: RandomChoice, kinds: tuple[str, ...], *, simple: bool = False, richness: float = 0.3) -> Nominal:
    """A subject of one of these kinds; a person more often than not, where a person will do."""
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
    richness: float = 0.4,
    pronouns: bool = True,
) -> Nominal:
    """An object of one of these kinds, never the subject itself."""
    noun = rng.balanced(nouns_of(kinds))
    if "person" in noun.kinds and pronouns and rng.bernoulli(0.45):
        if rng.bernoulli(0.6):
            return rng.balanced(tuple(each for each in OBJECTS if each.person == 3 or each.person != subject.person))
        name = ProperName(rng.balanced(PEOPLE))
        if not isinstance(subject, ProperName | CoordinatedNominal):
            return name
    if isinstance(subject, NounPhrase) and subject.noun is noun:
        noun = rng.balanced(nouns_of(kinds))
    return sample_noun_phrase(rng, noun, simple=simple, richness=richness)
