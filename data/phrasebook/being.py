"""Sentences of what there is, how it is and what it is: those with the verb be, and their like."""

from dataclasses import replace

from phrasebook import circumstances
from phrasebook.chance import Chance
from phrasebook.circumstances import NUMBERS, circumstance, clock, somewhere
from phrasebook.clauses import Clause
from phrasebook.constituents import Constituent, Tense, complement
from phrasebook.determiners import MANY, NO, NONE, POSSESSIVES, SOME, THE, THIS, A, Quality
from phrasebook.idiom import EXCESSIVE, PROFESSIONS, clash
from phrasebook.lexicon import BE, COST, EXIST, PEOPLE, RAIN, SNOW, adjectives_for, nouns_of
from phrasebook.nominals import IT, THERE, Described, Named, Nominal, Pronoun
from phrasebook.sampling import COUNTS, INANIMATE, described, determiner, somebody
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import COMMA, Phrase, Word, plain


def be_tense(chance: Chance) -> Tense:
    """Now or then."""
    return "past" if chance.happens(0.35) else "present"


def thing(chance: Chance, simple: bool = True) -> Described:
    """Something that adjectives describe, with the article of something known."""
    noun = chance.pick(nouns_of((*INANIMATE, "animal", "building", "room", "outdoors", "event", "topic", "drink")))
    plural = noun.countable and chance.happens(0.3)
    opening = determiner(chance, noun, plural, simple)
    return described(chance, noun, richness=0.1, plural=plural, opening=THE if opening in (A, NONE) else opening)


def quality_of(chance: Chance, subject: Nominal, with_degrees: bool = False) -> Quality:
    """An adjective that fits the subject."""
    noun = subject.noun if isinstance(subject, Described) else nouns_of(("person",))[0]
    given = [each.adjective.english for each in subject.qualities] if isinstance(subject, Described) else []
    fitting = tuple(
        each for each in adjectives_for(noun, with_degrees) if not any(clash(each.english, other) for other in given)
    )
    return Quality(chance.pick(fitting))


def predicate(
    quality: Quality, before: tuple[str, str] = ("", ""), after: tuple[Word | Phrase, ...] = ()
) -> Constituent:
    """An adjective as a predicate, perhaps with a word of degree."""
    english, german = (plain(each).parts for each in before)
    return Constituent(
        "predicate",
        Phrase("predicate", (*english, *quality.english())),
        Phrase("predicate", (*german, Word(german_predicate(quality), "adjective")), {}),
    )


def german_predicate(quality: Quality) -> str:
    """The bare adjective: hoch, höher."""
    return quality.adjective.german if quality.degree == "positive" else quality.stem


DEGREES = (("too", "zu"), ("very", "sehr"), ("quite", "ziemlich"), ("really", "wirklich"))


def describing(chance: Chance) -> Sentence:
    """The house is very old."""
    subject = somebody(chance, simple=True) if chance.happens(0.45) else thing(chance)
    quality = quality_of(chance, subject)
    degrees = DEGREES if quality.adjective.english in EXCESSIVE else DEGREES[1:]
    before = chance.pick(degrees) if chance.happens(0.4) and quality.adjective.superlative else ("", "")
    negative = not before[0] and chance.happens(0.25)
    clause = Clause(subject, BE, (predicate(quality, before),), be_tense(chance), negative=negative)
    front = None
    if isinstance(subject, Pronoun | Named) and chance.happens(0.4) and not negative:
        front = circumstance(
            "time",
            *chance.pick(
                (("today", "heute"), ("now", "jetzt")) if clause.tense == "present" else circumstances.TIMES["past"][:1]
            ),
        )
        clause = clause.having(front)
    front = front if chance.happens(0.5) else None
    return sentence("predicate adjective", (clause.english(front=front),), (clause.german(front=front),))


def being(chance: Chance) -> Sentence:
    """She is a good teacher; that is my brother."""
    subject = somebody(chance, simple=True, richness=0.2)
    while subject.number == "plural":
        subject = somebody(chance, simple=True, richness=0.2)
    profession = chance.pick(nouns_of(PROFESSIONS))
    if subject.gender == "feminine" or (isinstance(subject, Described) and subject.noun is profession):
        profession = chance.pick(nouns_of(("singer", "nurse")))
    if profession.german.gender == "feminine" and subject.gender != "feminine":
        profession = chance.pick(nouns_of(("teacher", "doctor", "baker")))
    noun_phrase = described(chance, profession, opening=A, plural=False, richness=1.0)
    clause = Clause(subject, BE, (complement("predicate", noun_phrase, "nominative"),), be_tense(chance))
    clause = replace(clause, negative=chance.happens(0.2))
    return sentence("predicate noun", (clause.english(),), (clause.german(),))


DEFINITE = (THE, THIS, *POSSESSIVES)


def comparing(chance: Chance) -> Sentence:
    """The car is cheaper than the bus; Anna is as old as Paul."""
    if chance.happens(0.55):
        first: Nominal = somebody(chance, simple=True, richness=0.0)
        second: Nominal = Named(chance.pick(PEOPLE))
        if chance.happens(0.6):
            second = described(chance, chance.pick(nouns_of(("person",))), opening=chance.pick(DEFINITE), richness=0.2)
    else:
        first = thing(chance)
        assert isinstance(first, Described)
        kind = next(
            k
            for k in (*INANIMATE, "animal", "building", "room", "outdoors", "event", "topic", "drink")
            if k in first.noun.kinds
        )
        noun = chance.pick(nouns_of((kind,)))
        second = described(chance, noun, opening=chance.pick(DEFINITE), richness=0.0)
    quality = quality_of(chance, first, with_degrees=True)
    than = chance.happens(0.65)
    quality = Quality(quality.adjective, "comparative") if than else quality
    negative = chance.happens(0.25)
    links = (("", "than"), ("", "als")) if than else (("as", "as"), ("so", "wie"))
    if not than and not negative:
        links = (("just as", "as"), ("genauso", "wie"))
    clause = Clause(first, BE, (predicate(quality, (links[0][0], links[1][0])),), be_tense(chance), negative=negative)
    return sentence(
        "comparison",
        (clause.english(), Word(links[0][1]), second.english(subject=True)),
        (clause.german(), Word(links[1][1]), second.german("nominative")),
    )


def existing(chance: Chance) -> Sentence:
    """There is a small lake in the forest."""
    kinds = chance.pick(
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
    noun = chance.pick(nouns_of(kinds))
    plural = noun.countable and chance.happens(0.45)
    openings = (NONE, MANY, SOME, NO, chance.pick(COUNTS)) if plural else (A, NO) if noun.countable else (NONE, NO)
    what = described(chance, noun, opening=chance.pick(openings), plural=plural)
    clause = Clause(THERE, EXIST, (complement("accusative", what, "accusative"),), be_tense(chance))
    clause = replace(clause, subject=replace(THERE, number=what.number))
    if chance.happens(0.75):
        sort = ("outdoors",) if kinds[0] in ("building", "animal", "vehicle") else ("building", "room")
        clause = clause.having(located(chance, sort))
    return existing_sentence(clause)


def located(chance: Chance, kinds: tuple[str, ...]) -> Constituent:
    """A place of a kind."""
    return circumstances.location(
        described(
            chance,
            somewhere(chance, kinds),
            simple=True,
            plural=False,
            richness=0.25,
            opening=THE if chance.happens(0.6) else None,
        )
    )


def existing_sentence(clause: Clause) -> Sentence:
    """There are two in English, but German es gibt is always singular."""
    return sentence("existence", (clause.english(),), (replace(clause, subject=THERE).german(),))


def counting(chance: Chance) -> Sentence:
    """The old lamp costs twenty euros; Anna is thirty years old."""
    number = chance.pick(NUMBERS)
    if chance.happens(0.6):
        noun = chance.pick(
            nouns_of(("clothes", "text", "device", "thing", "furniture", "instrument", "vehicle", "food"))
        )
        price = Constituent("predicate", amount(number[0], "euros"), amount(number[1], "Euro"))
        subject = described(
            chance,
            noun,
            opening=chance.pick((THE, THIS)),
            simple=True,
            plural=noun.countable and chance.happens(0.3),
        )
        clause = Clause(subject, COST, (price,), "present", habitual=True)
        return sentence("price", (clause.english(),), (clause.german(),))
    subject_person = somebody(chance, simple=True, richness=0.2)
    if isinstance(subject_person, Described):
        young = not subject_person.noun.kinds.isdisjoint(("child", "boy", "girl"))
        number = chance.pick(NUMBERS[:10] if young else NUMBERS[-6:])
    age = Constituent("predicate", amount(number[0], "years old"), amount(number[1], "Jahre alt"))
    clause = Clause(subject_person, BE, (age,), be_tense(chance))
    return sentence("age", (clause.english(),), (clause.german(),))


def amount(number: str, unit: str) -> Phrase:
    """So many of a unit."""
    return Phrase("amount", (Word(number, "number"), *plain(unit).parts))


WEATHER = (
    ("cold", "kalt"),
    ("warm", "warm"),
    ("hot", "heiß"),
    ("dark", "dunkel"),
    ("bright", "hell"),
    ("quiet", "ruhig"),
)


def weather(chance: Chance) -> Sentence:
    """It will rain tomorrow in Berlin."""
    tense: Tense = chance.weighted({"present": 1.0, "past": 1.0, "future": 1.0})
    when = circumstances.time(chance, tense)
    if chance.happens(0.5):
        clause = Clause(IT, chance.pick((RAIN, SNOW)), (), tense, negative=chance.happens(0.2))
    else:
        english, german = chance.pick(WEATHER)
        state = Constituent("predicate", Phrase("predicate", (Word(english, "adjective"),)), Word(german, "adjective"))
        clause = Clause(IT, BE, (state,), tense, negative=chance.happens(0.2))
    if not clause.negative and chance.happens(0.6):
        clause = clause.having(
            circumstances.city(chance, "place") if chance.happens(0.5) else located(chance, ("outdoors",))
        )
    clause = clause.having(when)
    front = when if chance.happens(0.5) else None
    return sentence("weather", (clause.english(front=front),), (clause.german(front=front),))


def clocked(chance: Chance) -> Sentence:
    """It is half past three; the train arrives at a quarter to nine."""
    english, german = clock(chance)
    time = Constituent("predicate", english, german)
    clause = Clause(IT, BE, (time,), be_tense(chance))
    if chance.happens(0.3):
        clause = clause.having(circumstance("frequency", "already", "schon"))
    return sentence("clock", (clause.english(),), (clause.german(),))


def exclaiming(chance: Chance) -> Sentence:
    """What a beautiful garden!"""
    noun = chance.pick(nouns_of((*INANIMATE, "animal", "person", "building", "room", "outdoors", "event", "topic")))
    plural = noun.countable and chance.happens(0.35)
    what = described(chance, noun, opening=A if noun.countable and not plural else NONE, plural=plural, richness=1.0)
    if not what.qualities or what.qualities[0].degree != "positive":
        what = replace(what, qualities=(quality_of(chance, Described(noun)),))
    return sentence(
        "exclamation", (Word("what"), what.english()), (*plain("was für").parts, what.german("nominative")), "!"
    )


def preferring(chance: Chance) -> Sentence:
    """The bread is old, but it is fresh: the pronoun takes the gender of the German noun."""
    noun = chance.pick(nouns_of((*INANIMATE, "building", "room", "drink")))
    subject = described(chance, noun, opening=chance.pick((THE, THIS, *POSSESSIVES[:4])), plural=False, richness=0.0)
    first = quality_of(chance, subject)
    second = quality_of(chance, replace(subject, qualities=(first,)))
    pronoun = replace(
        IT, cases=({"masculine": "er", "feminine": "sie", "neuter": "es"}[subject.gender],) * 3, gender=subject.gender
    )
    but, aber = chance.pick((("but", "aber"), ("and", "und")))
    tense = be_tense(chance)
    left = Clause(subject, BE, (predicate(first),), tense)
    right = Clause(pronoun, BE, (predicate(second, chance.pick((("", ""), DEGREES[1], ("not", "nicht")))),), tense)
    comma = (COMMA,) if but == "but" else ()
    return sentence(
        "pronoun for a thing",
        (left.english(), COMMA, Word(but), right.english()),
        (left.german(), *comma, Word(aber), right.german()),
    )
