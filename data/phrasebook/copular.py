"""Copular sentences: predicative adjectives and nouns, places, linking verbs, identification and names."""

from dataclasses import replace

from phrasebook import adjuncts
from phrasebook.adjuncts import adjunct, prepositional
from phrasebook.clauses import Clause
from phrasebook.constituents import Constituent, Tense, complement
from phrasebook.determiners import NONE, POSSESSIVES, THE, A, GradedAdjective
from phrasebook.lexicon import BE, BE_CALLED, BE_FROM, CITIES, LINKING, PEOPLE, adjectives_for, nouns_of
from phrasebook.nominals import (
    HE,
    SHE,
    THAT,
    THEY,
    WE,
    YOU,
    I,
    Nominal,
    NounPhrase,
    Pronoun,
    ProperName,
    possessive,
)
from phrasebook.noun_phrases import INANIMATE, human_subject, sample_determiner, sample_noun_phrase
from phrasebook.random_choice import RandomChoice
from phrasebook.selection import EXCESSIVE, PROFESSIONS, clash
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import Node, Phrase, Word, invariant
from phrasebook.verb_phrases import place, spot


def be_tense(rng: RandomChoice) -> Tense:
    """Return the present or the past."""
    return "past" if rng.bernoulli(0.35) else "present"


DESCRIBABLE = (
    *INANIMATE,
    *("animal", "building", "room", "outdoors", "event", "topic", "drink", "body"),
)


def inanimate(rng: RandomChoice, simple: bool = True) -> NounPhrase:
    """Return a definite noun phrase that denotes no person."""
    noun = rng.balanced(nouns_of(DESCRIBABLE))
    plural = noun.countable and rng.bernoulli(0.3)
    determiner = sample_determiner(rng, noun, plural, simple)
    return sample_noun_phrase(
        rng, noun, richness=0.1, plural=plural, determiner=THE if determiner in (A, NONE) else determiner
    )


def sample_adjective(rng: RandomChoice, subject: Nominal, with_degrees: bool = False) -> GradedAdjective:
    """Return an adjective that can be predicated of the subject."""
    described = isinstance(subject, NounPhrase) and adjectives_for(subject.noun)
    noun = subject.noun if isinstance(subject, NounPhrase) and described else nouns_of(("person",))[0]
    given = [each.adjective.english for each in subject.adjectives] if isinstance(subject, NounPhrase) else []
    fitting = tuple(
        each for each in adjectives_for(noun, with_degrees) if not any(clash(each.english, other) for other in given)
    )
    return GradedAdjective(rng.balanced(fitting or adjectives_for(noun, with_degrees)))


def predicate(quality: GradedAdjective, before: tuple[str, str] = ("", "")) -> Constituent:
    """Return a predicative adjective, after a degree adverb if given."""
    english, german = (invariant(each).parts for each in before)
    return Constituent(
        "predicate",
        Phrase("predicate", (*english, *quality.english())),
        Phrase("predicate", (*german, Word(german_predicate(quality), "adjective")), {}),
    )


def german_predicate(quality: GradedAdjective) -> str:
    """Return the uninflected adjective: hoch, höher."""
    return quality.adjective.german if quality.degree == "positive" else quality.stem


DEGREES = (("too", "zu"), ("very", "sehr"), ("quite", "ziemlich"), ("really", "wirklich"))


def describing(rng: RandomChoice) -> Sentence:
    """Generate a predicative adjective: The house is very old. This dress is too small for me."""
    subject = human_subject(rng, simple=True) if rng.bernoulli(0.5) else inanimate(rng)
    quality = sample_adjective(rng, subject)
    degrees = DEGREES if quality.adjective.english in EXCESSIVE else DEGREES[1:]
    before = rng.uniform(degrees) if rng.bernoulli(0.4) and quality.adjective.superlative else ("", "")
    negative = not before[0] and rng.bernoulli(0.25)
    clause = Clause(subject, BE, (predicate(quality, before),), be_tense(rng), negative=negative)
    if before[0] == "too" and not isinstance(subject, Pronoun | ProperName) and rng.bernoulli(0.5):
        judge = rng.uniform((I, YOU, HE, SHE, WE, THEY))
        suited = clause.extended(prepositional("beneficiary", "for", "für", judge, "accusative"))
        return sentence("predicate adjective", (suited.english(),), (suited.german(),))
    if not negative and rng.bernoulli(0.15):
        clause = clause.extended(
            adjunct("frequency", *rng.uniform((("still", "noch"), ("always", "immer"), ("often", "oft"))))
        )
        return sentence("predicate adjective", (clause.english(),), (clause.german(),))
    front = None
    if not isinstance(subject, Pronoun | ProperName) and rng.bernoulli(0.15):
        day, tag = rng.uniform(adjuncts.DAYS)
        front = adjuncts.time(rng, clause.tense) if rng.bernoulli(0.5) else adjunct("time", f"on {day}", f"am {tag}")
        clause = clause.extended(front)
    if isinstance(subject, Pronoun | ProperName) and rng.bernoulli(0.4) and not negative:
        front = adjunct(
            "time",
            *rng.uniform(
                (("today", "heute"), ("now", "jetzt")) if clause.tense == "present" else adjuncts.TIMES["past"][:1]
            ),
        )
        clause = clause.extended(front)
    front = front if rng.bernoulli(0.5) else None
    return sentence("predicate adjective", (clause.english(front=front),), (clause.german(front=front),))


def being(rng: RandomChoice) -> Sentence:
    """Generate a predicative noun: She is a good teacher."""
    subject = human_subject(rng, simple=True, richness=0.2)
    while subject.number == "plural":
        subject = human_subject(rng, simple=True, richness=0.2)
    profession = rng.balanced(nouns_of(PROFESSIONS))
    if subject.gender == "feminine" or (isinstance(subject, NounPhrase) and subject.noun is profession):
        profession = rng.balanced(nouns_of(("singer", "nurse")))
    if profession.german.gender == "feminine" and subject.gender != "feminine":
        profession = rng.balanced(nouns_of(("teacher", "doctor", "baker")))
    noun_phrase = sample_noun_phrase(rng, profession, determiner=A, plural=False, richness=1.0)
    clause = Clause(subject, BE, (complement("predicate", noun_phrase, "nominative"),), be_tense(rng))
    clause = replace(clause, negative=rng.bernoulli(0.2))
    return sentence("predicate noun", (clause.english(),), (clause.german(),))


def locating(rng: RandomChoice) -> Sentence:
    """Generate a place as a predicate: The key is on the table. Anna is at home. Are you in the kitchen?"""
    if rng.bernoulli(0.55):
        subject = human_subject(rng, simple=True, richness=0.1)
        where = place(rng, argument=True)
    else:
        noun = rng.balanced(nouns_of(("thing", "clothes", "text", "animal", "food", "device")))
        subject = sample_noun_phrase(rng, noun, simple=True, richness=0.1)
        if subject.determiner in (A, NONE):
            subject = replace(subject, determiner=THE)
        where = spot(rng, "place") if rng.bernoulli(0.6) else place(rng, ("building", "room"), argument=True)
    clause = Clause(subject, BE, (where,), be_tense(rng))
    if rng.bernoulli(0.15):
        return experience(rng)
    if rng.bernoulli(0.25):
        return sentence("location", (clause.english("question"),), (clause.german("first"),), "?")
    clause = replace(clause, negative=rng.bernoulli(0.2))
    if not clause.negative and rng.bernoulli(0.15):
        clause = clause.extended(
            adjunct("frequency", *rng.uniform((("still", "noch"), ("already", "schon"), ("often", "oft"))))
        )
    if clause.tense == "past" and rng.bernoulli(0.3):
        clause = clause.extended(adjuncts.time(rng, "past"))
    return sentence("location", (clause.english(),), (clause.german(),))


def experience(rng: RandomChoice) -> Sentence:
    """Generate a perfect of experience: Have you ever been to Italy? I have never been to Rome."""
    city = rng.balanced(CITIES)
    subject = YOU if rng.bernoulli(0.3) else human_subject(rng, simple=True, richness=0.1)
    where = prepositional("place", "to", "in", ProperName(city), "dative")
    clause = Clause(subject, BE, (where,), "perfect")
    kind = rng.uniform(("ever", "never", "already"))
    if kind == "ever":
        clause = clause.extended(adjunct("frequency", "ever", "schon einmal"))
        return sentence("location", (clause.english("question"),), (clause.german("first"),), "?")
    adverb = ("never", "noch nie") if kind == "never" else ("already", "schon")
    clause = clause.extended(adjunct("frequency", *adverb))
    return sentence("location", (clause.english(),), (clause.german(),))


GOOD = (
    ("good", "gut"),
    ("good", "gut"),
    ("bad", "schlecht"),
    ("better", "besser"),
    ("much better", "viel besser"),
    ("very good", "sehr gut"),
)


def linking(rng: RandomChoice) -> Sentence:
    """Generate a linking verb with its adjective: You look tired. I feel better today. The soup tastes good."""
    verb = rng.uniform(LINKING)
    if "person" in verb.subjects and rng.bernoulli(0.7):
        subject: Nominal = human_subject(rng, simple=True, richness=0.1)
    else:
        noun = rng.balanced(nouns_of(tuple(kind for kind in verb.subjects if kind != "person") or ("person",)))
        subject = sample_noun_phrase(rng, noun, simple=True, richness=0.0)
        if subject.determiner in (A, NONE):
            subject = replace(subject, determiner=THE)
    adjective = predicate(sample_adjective(rng, subject), rng.uniform((("", ""), ("", ""), DEGREES[1], DEGREES[2])))
    if rng.bernoulli({"taste": 1.0, "smell": 1.0, "feel": 0.5, "look": 0.3}.get(verb.lemma, 0.0)):
        english, german = rng.uniform(GOOD)
        adjective = Constituent("predicate", invariant(english), invariant(german))
    clause = Clause(subject, verb, (adjective,), be_tense(rng))
    if verb.lemma == "get":
        clause = replace(clause, tense=rng.weighted({"present": 2, "past": 1, "future": 1}))
    if rng.bernoulli(0.3):
        clause = clause.extended(adjuncts.time(rng, clause.tense))
    if rng.bernoulli(0.2):
        return sentence("linking verb", (clause.english("question"),), (clause.german("first"),), "?")
    clause = replace(clause, negative=rng.bernoulli(0.15))
    return sentence("linking verb", (clause.english(),), (clause.german(),))


def identifying(rng: RandomChoice) -> Sentence:
    """Generate an identification: This is my sister. Whose coat is that?"""
    noun = rng.balanced(
        nouns_of(
            (
                "person",
                "clothes",
                "thing",
                "vehicle",
                "animal",
                "device",
                "text",
                "building",
                "parents",
                "room",
                "topic",
                "event",
            )
        )
    )
    plural = noun.english == "parents" or (noun.countable and rng.bernoulli(0.3))
    determiner = rng.uniform(POSSESSIVES if rng.bernoulli(0.6) or plural else (THE, A))
    what = sample_noun_phrase(rng, noun, determiner=determiner, plural=plural, richness=0.25)
    predicative = complement("predicate", what, "nominative")
    english = rng.uniform(("these", "those") if plural else ("this", "that"))
    subject = replace(THAT, subject=english, number="plural" if plural else "singular")
    if rng.bernoulli(0.1):
        predicative = complement("predicate", ProperName(rng.balanced(PEOPLE)), "nominative")
        subject = THAT
    clause = Clause(subject, BE, (predicative,), be_tense(rng) if rng.bernoulli(0.4) else "present")
    if rng.bernoulli(0.2) and not what.adjectives:
        (*words, last) = (what.noun.english_plural if plural else what.noun.english).split()
        whose = Phrase("front", (Word("whose"), *(Word(word, "modifier") for word in words), Word(last, "noun")))
        wessen = Phrase("front", (Word("wessen"), Word(what.noun.german.form("nominative", what.number), "noun")))
        bare = replace(clause, constituents=())
        front = Constituent("front", whose, wessen)
        return sentence("identification", (bare.english("question", front),), (bare.german("second", front),), "?")
    if rng.bernoulli(0.2):
        return sentence("identification", (clause.english("question"),), (clause.german("first"),), "?")
    clause = replace(clause, negative=rng.bernoulli(0.15))
    return sentence("identification", (clause.english(),), (clause.german(),))


def naming(rng: RandomChoice) -> Sentence:
    """Generate a name or an origin: My name is Anna. They are from Berlin."""
    person = human_subject(rng, simple=True, richness=0.1)
    if rng.bernoulli(0.4):
        clause = Clause(person, BE_FROM, (adjuncts.city(rng, "origin"),))
        if rng.bernoulli(0.2):
            return sentence("origin", (clause.english("question"),), (clause.german("first"),), "?")
        return sentence("origin", (clause.english(),), (clause.german(),))
    if person.number == "plural" or isinstance(person, ProperName):
        person = rng.uniform((I, YOU, HE, SHE))
    german = Clause(person, BE_CALLED)
    name = ProperName(rng.balanced(PEOPLE))
    called = possessive_name(person)
    if rng.bernoulli(0.35):
        wie = Constituent("front", invariant(""), Word("wie"))
        english: tuple[Node, ...] = (*invariant("what is").parts, *called)
        return sentence("name", english, (german.german("second", wie),), "?")
    named = german.extended(complement("predicate", name, "nominative"))
    return sentence("name", (*called, Word("is"), name.english()), (named.german(),))


def possessive_name(person: Nominal) -> tuple[Node, ...]:
    """Return the name of a person as an English noun phrase: my name, the boy's name."""
    if isinstance(person, Pronoun):
        word = {I: "my", YOU: "your", HE: "his", SHE: "her", WE: "our", THEY: "their"}[person]
        return (Word(word), Word("name", "noun"))
    return (possessive(person.english()), Word("name", "noun"))
