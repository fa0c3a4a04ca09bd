"""Existence, prices, ages, times of day and the weather."""

from dataclasses import replace

from phrasebook import adjuncts
from phrasebook.adjuncts import NUMBERS, adjunct, clock, somewhere, time_at
from phrasebook.clauses import Clause
from phrasebook.constituents import Constituent, Tense, complement
from phrasebook.copular import be_tense
from phrasebook.determiners import MANY, NO, NONE, POSSESSIVES, SOME, THE, THIS, A
from phrasebook.lexicon import BE, COST, EXIST, RAIN, SNOW, nouns_of, verbs_with
from phrasebook.nominals import IT, THAT, THERE, Nominal, NounPhrase
from phrasebook.noun_phrases import COUNTS, human_subject, sample_noun_phrase
from phrasebook.random_choice import RandomChoice
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import Phrase, Word, invariant
from phrasebook.verb_phrases import with_aspect


def existing(rng: RandomChoice) -> Sentence:
    """Generate a sentence of existence: There is a small lake in the forest."""
    kinds = rng.uniform(
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
    openings = (NONE, MANY, SOME, NO, rng.uniform(COUNTS)) if plural else (A, NO) if noun.countable else (NONE, NO)
    what = sample_noun_phrase(rng, noun, determiner=rng.uniform(openings), plural=plural)
    clause = Clause(THERE, EXIST, (complement("accusative", what, "accusative"),), be_tense(rng))
    clause = replace(clause, subject=replace(THERE, number=what.number))
    question = rng.bernoulli(0.25)
    if question and rng.bernoulli(0.5):
        clause = clause.extended(adjunct("here", *rng.uniform((("here", "hier"), ("near here", "hier in der Nähe")))))
    elif rng.bernoulli(0.75):
        sort = ("outdoors",) if kinds[0] in ("building", "animal", "vehicle") else ("building", "room")
        clause = clause.extended(located(rng, sort))
    if question and what.determiner is not NO:
        german = replace(clause, subject=THERE)
        return sentence("existence", (clause.english("question"),), (german.german("first"),), "?")
    return existing_sentence(clause)


def located(rng: RandomChoice, kinds: tuple[str, ...]) -> Constituent:
    """Return a place of one of these kinds."""
    return adjuncts.location(
        sample_noun_phrase(
            rng,
            somewhere(rng, kinds),
            simple=True,
            plural=False,
            richness=0.25,
            determiner=THE if rng.bernoulli(0.6) else None,
        )
    )


def existing_sentence(clause: Clause) -> Sentence:
    """Return the sentence, whose English verb agrees with the object, while es gibt is singular."""
    return sentence("existence", (clause.english(),), (replace(clause, subject=THERE).german(),))


def price(rng: RandomChoice) -> Sentence:
    """Generate a price: The old lamp costs twenty euros. How much do the shoes cost?"""
    kinds = ("clothes", "text", "device", "thing", "furniture", "instrument", "vehicle", "food", "drink", "room")
    noun = rng.balanced(nouns_of(kinds))
    determiner = rng.uniform((THE, THIS, A if noun.countable else THE))
    plural = noun.countable and determiner is not A and rng.bernoulli(0.3)
    subject: Nominal = sample_noun_phrase(rng, noun, determiner=determiner, simple=True, plural=plural)
    if rng.bernoulli(0.1):
        subject = rng.uniform((IT, THAT))
    if rng.bernoulli(0.4):
        how_much = Constituent("front", invariant("how much"), invariant("wie viel"))
        tense: Tense = "past" if rng.bernoulli(0.15) else "present"
        clause = Clause(subject, COST, (), tense, habitual=True)
        english = clause.english("question", how_much)
        if rng.bernoulli(0.3):
            english = Clause(subject, BE, (), tense).english("question", how_much)
        return sentence("price", (english,), (clause.german("second", how_much),), "?")
    euros, euro = rng.uniform(NUMBERS)
    cents, cent = rng.uniform((*NUMBERS[-7:], ("", ""), ("", ""), ("", ""), ("", "")))
    value = Constituent("predicate", amount(euros, f"euros {cents}"), amount(euro, f"Euro {cent}"))
    clause = Clause(subject, COST, (value,), habitual=True)
    if rng.bernoulli(0.15):
        clause = clause.extended(adjunct("frequency", "only", "nur"))
    return sentence("price", (clause.english(),), (clause.german(),))


def age(rng: RandomChoice) -> Sentence:
    """Generate an age: Anna is thirty years old. How old is your brother?"""
    subject = human_subject(rng, simple=True, richness=0.2)
    if rng.bernoulli(0.3):
        clause = Clause(subject, BE, (), be_tense(rng))
        how_old = Constituent("front", invariant("how old"), invariant("wie alt"))
        return sentence("age", (clause.english("question", how_old),), (clause.german("second", how_old),), "?")
    number = rng.uniform(NUMBERS)
    if isinstance(subject, NounPhrase):
        young = not subject.noun.kinds.isdisjoint(("child", "boy", "girl", "baby", "son", "daughter"))
        number = rng.uniform(NUMBERS[:10] if young else NUMBERS[-6:])
    years = Constituent("predicate", amount(number[0], "years old"), amount(number[1], "Jahre alt"))
    clause = Clause(subject, BE, (years,), be_tense(rng))
    return sentence("age", (clause.english(),), (clause.german(),))


def amount(number: str, unit: str) -> Phrase:
    """Return a quantity with its unit."""
    return Phrase("amount", (Word(number, "number"), *invariant(unit).parts))


WEATHER = (
    ("cold", "kalt"),
    ("warm", "warm"),
    ("hot", "heiß"),
    ("dark", "dunkel"),
    ("bright", "hell"),
    ("quiet", "ruhig"),
    ("cloudy", "bewölkt"),
    ("windy", "windig"),
)


def weather(rng: RandomChoice) -> Sentence:
    """Generate a sentence about the weather: It will rain tomorrow in Berlin; was it cold yesterday?"""
    tense: Tense = rng.weighted({"present": 1.2, "past": 1.0, "future": 1.0})
    when = adjuncts.time(rng, tense)
    negative = rng.bernoulli(0.2)
    subject: Nominal = IT
    if rng.bernoulli(0.45):
        clause = Clause(IT, rng.uniform((RAIN, SNOW)), (), tense, negative=negative)
        clause = with_aspect(rng, clause)
    else:
        before = rng.uniform((("", ""), ("very", "sehr"), ("too", "zu"), ("really", "wirklich")))
        words = rng.uniform(WEATHER)
        if rng.bernoulli(0.25):
            subject = NounPhrase(next(iter(nouns_of(("weather",)))))
            words = rng.uniform(
                (("good", "gut"), ("bad", "schlecht"), ("beautiful", "schön"), ("warm", "warm"), ("cold", "kalt"))
            )
        english, german = (invariant(each) for each in (before if not negative else ("", "")))
        state = Constituent(
            "predicate",
            Phrase("predicate", (*english.parts, Word(words[0], "adjective"))),
            Phrase("predicate", (*german.parts, Word(words[1], "adjective"))),
        )
        clause = Clause(subject, BE, (state,), tense, negative=negative)
    if subject is IT and not negative and rng.bernoulli(0.4):
        place = adjuncts.city(rng, "place") if rng.bernoulli(0.5) else located(rng, ("outdoors",))
        if rng.bernoulli(0.3):
            place = adjunct("here", "here", "hier")
        clause = clause.extended(place)
    if rng.bernoulli(0.75):
        clause = clause.extended(when)
    if rng.bernoulli(0.15):
        return sentence("weather", (clause.english("question"),), (clause.german("first"),), "?")
    front = when if when in clause.constituents and rng.bernoulli(0.4) else None
    return sentence("weather", (clause.english(front=front),), (clause.german(front=front),))


def clocked(rng: RandomChoice) -> Sentence:
    """Generate a time of day: It is half past three. When does the film begin?"""
    english, german = clock(rng)
    if rng.bernoulli(0.5):
        clause = Clause(IT, BE, (Constituent("predicate", english, german),), be_tense(rng))
        if rng.bernoulli(0.4):
            clause = clause.extended(adjunct("frequency", *rng.uniform((("already", "schon"), ("only", "erst")))))
        return sentence("clock", (clause.english(),), (clause.german(),))
    verb = rng.balanced(
        tuple(
            each for each in verbs_with((), "any") if each.lemma in ("begin", "end", "leave", "arrive", "open", "close")
        )
    )
    kinds = {"begin": ("event", "film"), "end": ("event", "film"), "arrive": ("vehicle",)}.get(
        verb.lemma, verb.subjects
    )
    noun = rng.balanced(nouns_of(kinds))
    subject = sample_noun_phrase(
        rng, noun, determiner=rng.uniform((THE, THE, *POSSESSIVES)), plural=False, richness=0.1
    )
    tense: Tense = rng.weighted({"present": 2.0, "past": 1.0, "future": 0.5})
    clause = Clause(subject, verb, (), tense, habitual=True)
    if rng.bernoulli(0.4):
        word = rng.uniform((("when", "wann"), ("what time", "um wie viel Uhr"), ("at what time", "um wie viel Uhr")))
        front = Constituent("front", invariant(word[0]), invariant(word[1]))
        return sentence("clock", (clause.english("question", front),), (clause.german("second", front),), "?")
    clause = clause.extended(time_at(rng))
    return sentence("clock", (clause.english(),), (clause.german(),))
