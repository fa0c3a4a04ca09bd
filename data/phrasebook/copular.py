"""Sentences of what there is, how it is and what it is: those with the verb be, and their like."""

from dataclasses import replace

from phrasebook import adjuncts
from phrasebook.random_choice import RandomChoice
from phrasebook.adjuncts import NUMBERS, adjunct, clock, somewhere
from phrasebook.clauses import Clause
from phrasebook.constituents import Constituent, Tense, complement
from phrasebook.determiners import MANY, NO, NONE, POSSESSIVES, SOME, THE, THIS, A, GradedAdjective
from phrasebook.selection import EXCESSIVE, PROFESSIONS, clash
from phrasebook.lexicon import BE, COST, EXIST, PEOPLE, RAIN, SNOW, adjectives_for, nouns_of
from phrasebook.nominals import IT, THERE, NounPhrase, ProperName, Nominal, Pronoun
from phrasebook.noun_phrases import COUNTS, INANIMATE, sample_noun_phrase, determiner, human_subject
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import COMMA, Phrase, Word, invariant


def be_tense(rng: RandomChoice) -> Tense:
    """Now or then."""
    return "past" if rng.bernoulli(0.35) else "present"


def thing(rng: RandomChoice, simple: bool = True) -> NounPhrase:
    """Something that adjectives describe, with the article of something known."""
    noun = rng.balanced(nouns_of((*INANIMATE, "animal", "building", "room", "outdoors", "event", "topic", "drink")))
    plural = noun.countable and rng.bernoulli(0.3)
    opening = determiner(rng, noun, plural, simple)
    return sample_noun_phrase(rng, noun, richness=0.1, plural=plural, opening=THE if opening in (A, NONE) else opening)


def sample_adjective(rng: RandomChoice, subject: Nominal, with_degrees: bool = False) -> GradedAdjective:
    """An adjective that fits the subject."""
    noun = subject.noun if isinstance(subject, NounPhrase) else nouns_of(("person",))[0]
    given = [each.adjective.english for each in subject.adjectives] if isinstance(subject, NounPhrase) else []
    fitting = tuple(
        each for each in adjectives_for(noun, with_degrees) if not any(clash(each.english, other) for other in given)
    )
    return GradedAdjective(rng.balanced(fitting))


def predicate(
    quality: GradedAdjective, before: tuple[str, str] = ("", ""), after: tuple[Word | Phrase, ...] = ()
) -> Constituent:
    """An adjective as a predicate, perhaps with a word of degree."""
    english, german = (invariant(each).parts for each in before)
    return Constituent(
        "predicate",
        Phrase("predicate", (*english, *quality.english())),
        Phrase("predicate", (*german, Word(german_predicate(quality), "adjective")), {}),
    )


def german_predicate(quality: GradedAdjective) -> str:
    """The bare adjective: hoch, höher."""
    return quality.adjective.german if quality.degree == "positive" else quality.stem


DEGREES = (("too", "zu"), ("very", "sehr"), ("quite", "ziemlich"), ("really", "wirklich"))


def describing(rng: RandomChoice) -> Sentence:
    """The house is very old."""
    subject = human_subject(rng, simple=True) if rng.bernoulli(0.45) else thing(rng)
    quality = sample_adjective(rng, subject)
    degrees = DEGREES if quality.adjective.english in EXCESSIVE else DEGREES[1:]
    before = rng.balanced(degrees) if rng.bernoulli(0.4) and quality.adjective.superlative else ("", "")
    negative = not before[0] and rng.bernoulli(0.25)
    clause = Clause(subject, BE, (predicate(quality, before),), be_tense(rng), negative=negative)
    front = None
    if isinstance(subject, Pronoun | ProperName) and rng.bernoulli(0.4) and not negative:
        front = adjunct(
            "time",
            *rng.balanced(
                (("today", "heute"), ("now", "jetzt")) if clause.tense == "present" else adjuncts.TIMES["past"][:1]
            ),
        )
        clause = clause.extended(front)
    front = front if rng.bernoulli(0.5) else None
    return sentence("predicate adjective", (clause.english(front=front),), (clause.german(front=front),))


def being(rng: RandomChoice) -> Sentence:
    """She is a good teacher; that is my brother."""
    subject = human_subject(rng, simple=True, richness=0.2)
    while subject.number == "plural":
        subject = human_subject(rng, simple=True, richness=0.2)
    profession = rng.balanced(nouns_of(PROFESSIONS))
    if subject.gender == "feminine" or (isinstance(subject, NounPhrase) and subject.noun is profession):
        profession = rng.balanced(nouns_of(("singer", "nurse")))
    if profession.german.gender == "feminine" and subject.gender != "feminine":
        profession = rng.balanced(nouns_of(("teacher", "doctor", "baker")))
    noun_phrase = sample_noun_phrase(rng, profession, opening=A, plural=False, richness=1.0)
    clause = Clause(subject, BE, (complement("predicate", noun_phrase, "nominative"),), be_tense(rng))
    clause = replace(clause, negative=rng.bernoulli(0.2))
    return sentence("predicate noun", (clause.english(),), (clause.german(),))


DEFINITE = (THE, THIS, *POSSESSIVES)


def comparing(rng: RandomChoice) -> Sentence:
    """The car is cheaper than the bus; Anna is as old as Paul."""
    if rng.bernoulli(0.55):
        first: Nominal = human_subject(rng, simple=True, richness=0.0)
        second: Nominal = ProperName(rng.balanced(PEOPLE))
        if rng.bernoulli(0.6):
            second = sample_noun_phrase(rng, rng.balanced(nouns_of(("person",))), opening=rng.balanced(DEFINITE), richness=0.2)
    else:
        first = thing(rng)
        assert isinstance(first, NounPhrase)
        kind = next(
            k
            for k in (*INANIMATE, "animal", "building", "room", "outdoors", "event", "topic", "drink")
            if k in first.noun.kinds
        )
        noun = rng.balanced(nouns_of((kind,)))
        second = sample_noun_phrase(rng, noun, opening=rng.balanced(DEFINITE), richness=0.0)
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
        (clause.english(), Word(links[0][1]), second.english(subject=True)),
        (clause.german(), Word(links[1][1]), second.german("nominative")),
    )


def existing(rng: RandomChoice) -> Sentence:
    """There is a small lake in the forest."""
    kinds = rng.balanced(
        (
            ("building",),
            ("food",),
            ("drink",),
            ("animal",),
            ("furniture",),
            ("event",),
            ("thing",),
            ("device",),
            ("vehicle",),
        )
    )
    noun = rng.balanced(nouns_of(kinds))
    plural = noun.countable and rng.bernoulli(0.45)
    openings = (NONE, MANY, SOME, NO, rng.balanced(COUNTS)) if plural else (A, NO) if noun.countable else (NONE, NO)
    what = sample_noun_phrase(rng, noun, opening=rng.balanced(openings), plural=plural)
    clause = Clause(THERE, EXIST, (complement("accusative", what, "accusative"),), be_tense(rng))
    clause = replace(clause, subject=replace(THERE, number=what.number))
    if rng.bernoulli(0.75):
        sort = ("outdoors",) if kinds[0] in ("building", "animal", "vehicle") else ("building", "room")
        clause = clause.extended(located(rng, sort))
    return existing_sentence(clause)


def located(rng: RandomChoice, kinds: tuple[str, ...]) -> Constituent:
    """A place of a kind."""
    return adjuncts.location(
        sample_noun_phrase(
            rng,
            somewhere(rng, kinds),
            simple=True,
            plural=False,
            richness=0.25,
            opening=THE if rng.bernoulli(0.6) else None,
        )
    )


def existing_sentence(clause: Clause) -> Sentence:
    """There are two in English, but German es gibt is always singular."""
    return sentence("existence", (clause.english(),), (replace(clause, subject=THERE).german(),))


def counting(rng: RandomChoice) -> Sentence:
    """The old lamp costs twenty euros; Anna is thirty years old."""
    number = rng.balanced(NUMBERS)
    if rng.bernoulli(0.6):
        noun = rng.balanced(
            nouns_of(("clothes", "text", "device", "thing", "furniture", "instrument", "vehicle", "food"))
        )
        price = Constituent("predicate", amount(number[0], "euros"), amount(number[1], "Euro"))
        subject = sample_noun_phrase(
            rng,
            noun,
            opening=rng.balanced((THE, THIS)),
            simple=True,
            plural=noun.countable and rng.bernoulli(0.3),
        )
        clause = Clause(subject, COST, (price,), "present", habitual=True)
        return sentence("price", (clause.english(),), (clause.german(),))
    subject_person = human_subject(rng, simple=True, richness=0.2)
    if isinstance(subject_person, NounPhrase):
        young = not subject_person.noun.kinds.isdisjoint(("child", "boy", "girl"))
        number = rng.balanced(NUMBERS[:10] if young else NUMBERS[-6:])
    age = Constituent("predicate", amount(number[0], "years old"), amount(number[1], "Jahre alt"))
    clause = Clause(subject_person, BE, (age,), be_tense(rng))
    return sentence("age", (clause.english(),), (clause.german(),))


def amount(number: str, unit: str) -> Phrase:
    """So many of a unit."""
    return Phrase("amount", (Word(number, "number"), *invariant(unit).parts))


WEATHER = (
    ("cold", "kalt"),
    ("warm", "warm"),
    ("hot", "heiß"),
    ("dark", "dunkel"),
    ("bright", "hell"),
    ("quiet", "ruhig"),
)


def weather(rng: RandomChoice) -> Sentence:
    """It will rain tomorrow in Berlin."""
    tense: Tense = rng.weighted({"present": 1.0, "past": 1.0, "future": 1.0})
    when = adjuncts.time(rng, tense)
    if rng.bernoulli(0.5):
        clause = Clause(IT, rng.balanced((RAIN, SNOW)), (), tense, negative=rng.bernoulli(0.2))
    else:
        english, german = rng.balanced(WEATHER)
        state = Constituent("predicate", Phrase("predicate", (Word(english, "adjective"),)), Word(german, "adjective"))
        clause = Clause(IT, BE, (state,), tense, negative=rng.bernoulli(0.2))
    if not clause.negative and rng.bernoulli(0.6):
        clause = clause.extended(
            adjuncts.city(rng, "place") if rng.bernoulli(0.5) else located(rng, ("outdoors",))
        )
    clause = clause.extended(when)
    front = when if rng.bernoulli(0.5) else None
    return sentence("weather", (clause.english(front=front),), (clause.german(front=front),))


def clocked(rng: RandomChoice) -> Sentence:
    """It is half past three; the train arrives at a quarter to nine."""
    english, german = clock(rng)
    time = Constituent("predicate", english, german)
    clause = Clause(IT, BE, (time,), be_tense(rng))
    if rng.bernoulli(0.3):
        clause = clause.extended(adjunct("frequency", "already", "schon"))
    return sentence("clock", (clause.english(),), (clause.german(),))


def exclaiming(rng: RandomChoice) -> Sentence:
    """What a beautiful garden!"""
    noun = rng.balanced(nouns_of((*INANIMATE, "animal", "person", "building", "room", "outdoors", "event", "topic")))
    plural = noun.countable and rng.bernoulli(0.35)
    what = sample_noun_phrase(rng, noun, opening=A if noun.countable and not plural else NONE, plural=plural, richness=1.0)
    if not what.adjectives or what.adjectives[0].degree != "positive":
        what = replace(what, adjectives=(sample_adjective(rng, NounPhrase(noun)),))
    return sentence(
        "exclamation", (Word("what"), what.english()), (*invariant("was für").parts, what.german("nominative")), "!"
    )


def preferring(rng: RandomChoice) -> Sentence:
    """The bread is old, but it is fresh: the pronoun takes the gender of the German noun."""
    noun = rng.balanced(nouns_of((*INANIMATE, "building", "room", "drink")))
    subject = sample_noun_phrase(rng, noun, opening=rng.balanced((THE, THIS, *POSSESSIVES[:4])), plural=False, richness=0.0)
    first = sample_adjective(rng, subject)
    second = sample_adjective(rng, replace(subject, adjectives=(first,)))
    pronoun = replace(
        IT, cases=({"masculine": "er", "feminine": "sie", "neuter": "es"}[subject.gender],) * 3, gender=subject.gender
    )
    but, aber = rng.balanced((("but", "aber"), ("and", "und")))
    tense = be_tense(rng)
    left = Clause(subject, BE, (predicate(first),), tense)
    right = Clause(pronoun, BE, (predicate(second, rng.balanced((("", ""), DEGREES[1], ("not", "nicht")))),), tense)
    comma = (COMMA,) if but == "but" else ()
    return sentence(
        "pronoun for a thing",
        (left.english(), COMMA, Word(but), right.english()),
        (left.german(), *comma, Word(aber), right.german()),
    )
