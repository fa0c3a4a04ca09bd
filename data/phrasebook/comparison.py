"""Comparisons, exclamations and pronouns for things."""

from dataclasses import replace

from phrasebook.clauses import Clause
from phrasebook.copular import DEGREES, DESCRIBABLE, be_tense, inanimate, predicate, sample_adjective
from phrasebook.determiners import NONE, POSSESSIVES, THE, THIS, A, GradedAdjective
from phrasebook.lexicon import BE, PEOPLE, nouns_of
from phrasebook.nominals import HE, SHE, THEY, WE, YOU, CoordinatedNominal, I, Nominal, NounPhrase, ProperName, anaphor
from phrasebook.noun_phrases import INANIMATE, human_subject, sample_noun_phrase
from phrasebook.random_choice import RandomChoice
from phrasebook.selection import EXCESSIVE
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import COMMA, Word, invariant

DEFINITE = (THE, THIS, *POSSESSIVES)


def comparing(rng: RandomChoice) -> Sentence:
    """Generate a comparison: The car is cheaper than the bus; Anna is as old as Paul."""
    if rng.bernoulli(0.55):
        first: Nominal = human_subject(rng, simple=True, richness=0.0)
        second: Nominal = ProperName(rng.balanced(PEOPLE))
        if rng.bernoulli(0.25):
            second = rng.uniform(tuple(each for each in (I, YOU, HE, SHE, WE, THEY) if each is not first))
        elif rng.bernoulli(0.6):
            second = sample_noun_phrase(
                rng, rng.balanced(nouns_of(("person",))), determiner=rng.uniform(DEFINITE), richness=0.2
            )
    else:
        first = inanimate(rng)
        assert isinstance(first, NounPhrase)
        kind = next(kind for kind in DESCRIBABLE if kind in first.noun.kinds)
        noun = rng.balanced(nouns_of((kind,)))
        second = sample_noun_phrase(rng, noun, determiner=rng.uniform(DEFINITE), richness=0.0)
    quality = sample_adjective(rng, first, with_degrees=True)
    than = rng.bernoulli(0.65)
    quality = GradedAdjective(quality.adjective, "comparative") if than else quality
    negative = rng.bernoulli(0.25)
    links = (("", "than"), ("", "als")) if than else (("as", "as"), ("so", "wie"))
    if not than and not negative:
        links = (("just as", "as"), ("genauso", "wie"))
    clause = Clause(first, BE, (predicate(quality, (links[0][0], links[1][0])),), be_tense(rng), negative=negative)
    return sentence(
        "comparison",
        (clause.english(), Word(links[0][1]), second.english(subject=isinstance(second, CoordinatedNominal))),
        (clause.german(), Word(links[1][1]), second.german("nominative")),
    )


def exclaiming(rng: RandomChoice) -> Sentence:
    """Generate an exclamation: What a beautiful garden!"""
    noun = rng.balanced(nouns_of((*INANIMATE, "animal", "person", "building", "room", "outdoors", "event", "topic")))
    plural = noun.countable and rng.bernoulli(0.35)
    what = sample_noun_phrase(
        rng, noun, determiner=A if noun.countable and not plural else NONE, plural=plural, richness=1.0
    )
    if not what.adjectives or what.adjectives[0].degree != "positive":
        what = replace(what, adjectives=(sample_adjective(rng, NounPhrase(noun)),))
    return sentence(
        "exclamation", (Word("what"), what.english()), (*invariant("was für").parts, what.german("nominative")), "!"
    )


def preferring(rng: RandomChoice) -> Sentence:
    """Generate a pronoun for a thing, with the gender of the German noun: The bread is old, but it is fresh."""
    noun = rng.balanced(nouns_of((*INANIMATE, "building", "room", "drink")))
    subject = sample_noun_phrase(
        rng, noun, determiner=rng.uniform((THE, THIS, *POSSESSIVES[:4])), plural=False, richness=0.0
    )
    if noun.countable and rng.bernoulli(0.25):
        subject = replace(subject, number="plural")
    first = sample_adjective(rng, subject)
    second = sample_adjective(rng, replace(subject, adjectives=(first,)))
    pronoun = anaphor(subject)
    but, aber = rng.uniform((("but", "aber"), ("and", "und")))
    too = DEGREES[0] if second.adjective.english in EXCESSIVE else DEGREES[3]
    tense = be_tense(rng)
    left = Clause(subject, BE, (predicate(first),), tense)
    right = Clause(pronoun, BE, (predicate(second, rng.uniform((("", ""), DEGREES[1], ("not", "nicht"), too))),), tense)
    comma = (COMMA,) if but == "but" else ()
    return sentence(
        "pronoun for a thing",
        (left.english(), COMMA, Word(but), right.english()),
        (left.german(), *comma, Word(aber), right.german()),
    )
