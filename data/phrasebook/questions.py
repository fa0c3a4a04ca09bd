"""Interrogative sentences: yes-no questions, wh-questions for every constituent, polite requests."""

from dataclasses import replace
from typing import Literal

from phrasebook import adjuncts
from phrasebook.clauses import Clause
from phrasebook.constituents import (
    CAN,
    COULD,
    HAVE,
    MAY,
    MUST,
    SHALL,
    SHOULD,
    WANT,
    WOULD_LIKE,
    Constituent,
    Tense,
    complement,
)
from phrasebook.determiners import HOW_MANY, HOW_MUCH, NONE, WHICH, A
from phrasebook.lexicon import (
    BE_FROM,
    DO,
    GO_BY,
    JOURNEYS,
    MOTIONS,
    STAYS,
    WISH,
    Complement,
    nouns_of,
    verbs_with,
)
from phrasebook.nominals import (
    SOMETHING,
    SOMETHING_TO_DRINK,
    SOMETHING_TO_EAT,
    WE,
    WHAT,
    WHO,
    YOU,
    I,
    Nominal,
    NounPhrase,
)
from phrasebook.noun_phrases import human_subject, sample_noun_phrase, sample_object
from phrasebook.random_choice import RandomChoice
from phrasebook.selection import BENEFACTIVE, NON_VOLITIONAL, SHARED, TIMED_STATES
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import COMMA, Node, Phrase, Word, invariant
from phrasebook.verb_phrases import animate, inflected, place, sample_clause, with_aspect, with_manner

WH_ADVERBS = (
    ("why", "warum"),
    ("when", "wann"),
    ("how often", "wie oft"),
    ("why", "warum"),
    ("when", "wann"),
    ("what time", "um wie viel Uhr"),
    ("at what time", "um wie viel Uhr"),
    ("how", "wie"),
)
OPEN_OBJECTS = frozenset(("thing", "object", "food", "drink", "text", "clothes", "event", "topic"))
WO = {"auf": "worauf", "an": "woran", "über": "worüber", "von": "wovon", "mit": "womit", "um": "worum", "für": "wofür"}


def initial(english: Node, german: Node) -> Constituent:
    """Return a question word or phrase, which opens the question."""
    return Constituent("front", english, german)


def with_tense(rng: RandomChoice, clause: Clause) -> Clause:
    """Return the clause in some tense, or under a modal verb."""
    if clause.verb.lemma in TIMED_STATES and rng.bernoulli(0.25):
        return replace(clause, tense="perfect")
    if clause.verb.state:
        return replace(clause, tense="present" if rng.bernoulli(0.65) else "past")
    tense: Tense | Literal["modal"] = rng.weighted(
        {"present": 3.0, "past": 4.0, "future": 1.7, "modal": 2.5, "perfect": 1.0}
    )
    if tense == "modal":
        return replace(clause, modal=rng.uniform((CAN, SHOULD, WANT) if animate(clause.subject) else (CAN,)))
    return with_aspect(rng, replace(clause, tense=tense))


def interrogative_subject(rng: RandomChoice) -> Nominal:
    """Return a person as the subject of a question, most often you."""
    return YOU if rng.bernoulli(0.35) else human_subject(rng, simple=True, richness=0.1)


def asked(construction: str, clause: Clause, front: Constituent | None = None) -> Sentence:
    """Return the clause as a question."""
    english = clause.english("question", front)
    german = clause.german("second" if front else "first", front)
    return sentence(construction, (english,), (german,), "?")


def yes_no(rng: RandomChoice) -> Sentence:
    """Generate a yes-no question: Is the boy reading the letter?"""
    subject = YOU if rng.bernoulli(0.3) else None
    if rng.bernoulli(0.06):
        clause = sample_clause(rng, subject=subject or human_subject(rng), simple=True, richness=0.2)
        ever = adjuncts.adjunct("frequency", "ever", "schon einmal")
        return asked("yes-no question", replace(clause, tense="perfect").extended(ever))
    clause, _ = inflected(rng, sample_clause(rng, subject=subject, simple=True, richness=0.2))
    if any(each.role in ("yet", "early yet") for each in clause.constituents):
        clause = replace(clause, negative=False)
        others = tuple(each for each in clause.constituents if each.role not in ("yet", "early yet"))
        yet = Constituent("early yet", Word("yet"), Phrase("frequency", (Word("schon"),)))
        clause = replace(clause, constituents=(*others, yet))
    return asked("yes-no question", clause)


def subject_question(rng: RandomChoice) -> Sentence:
    """Generate a question for the subject: Who is reading the letter?"""
    clause, _ = inflected(rng, sample_clause(rng, subject=WHO, simple=True))
    return sentence("question for the subject", (clause.english(),), (clause.german(),), "?")


def object_question(rng: RandomChoice) -> Sentence:
    """Generate a question for the object: Who is the boy helping? What is he reading?"""
    person = rng.bernoulli(0.45)
    kinds = frozenset(("person",)) if person else OPEN_OBJECTS
    frame = rng.weighted({("accusative",): 3.0, ("dative",): 0.8, ("preposition",): 1.5})
    if not person and frame == ("dative",):
        frame = ("accusative",)
    verb = rng.balanced(tuple(each for each in verbs_with(frame) if not kinds.isdisjoint(each.complements[0].kinds)))
    taken = verb.complements[0]
    clause = Clause(interrogative_subject(rng), verb)
    clause = with_when(rng, with_tense(rng, clause))
    if taken.german_preposition:
        return prepositional_question(rng, clause, taken, person)
    word = WHO if person else WHAT
    english = rng.uniform(("who", "who", "whom")) if person else "what"
    return asked("question for the object", clause, initial(Word(english), word.german(taken.case)))


def with_when(rng: RandomChoice, clause: Clause) -> Clause:
    """Return a question's clause, sometimes with a temporal adjunct."""
    if clause.verb.state or clause.tense == "perfect" or not rng.bernoulli(0.25):
        return clause
    tense = clause.tense if clause.modal is None else "future"
    return clause.extended(adjuncts.time(rng, tense))


def prepositional_question(rng: RandomChoice, clause: Clause, taken: Complement, person: bool) -> Sentence:
    """Generate a question for a prepositional object: What are you waiting for? Worauf wartest du?"""
    if person:
        german: Node = Phrase("front", (Word(taken.german_preposition), WHO.german(taken.case)))
    else:
        german = Word(WO[taken.german_preposition])
    english = clause.english("question", initial(Word("who" if person else "what"), Word("")))
    preposition = invariant(taken.english_preposition)
    german_clause = clause.german("second", initial(Word(""), german))
    if any(each.role == "time" for each in clause.constituents):
        without = replace(clause, constituents=())
        english = without.english("question", initial(Word("who" if person else "what"), Word("")))
        german_clause = without.german("second", initial(Word(""), german))
    return sentence("question for the object", (english, preposition), (german_clause,), "?")


def activity(rng: RandomChoice) -> Sentence:
    """Generate a question for the predicate: What is your sister doing? What do you want to do tomorrow?"""
    where = (place(rng),) if rng.bernoulli(0.3) else ()
    clause, _ = inflected(rng, Clause(interrogative_subject(rng), DO, where))
    return asked("question for the predicate", clause, initial(Word("what"), Word("was")))


def wish(rng: RandomChoice) -> Sentence:
    """Generate a wish: I would like a coffee. Would you like something to drink?"""
    kind = rng.weighted({"statement": 4.0, "question": 2.0, "what": 0.7})
    subject = YOU if kind != "statement" and rng.bernoulli(0.6) else human_subject(rng, simple=True, richness=0.1)
    clause = Clause(subject, WISH, tense="conditional")
    if kind == "what":
        verb = rng.balanced(
            tuple(each for each in verbs_with(("accusative",)) if each.lemma in ("eat", "drink", "buy", "read"))
        )
        eating = replace(Clause(subject, verb), modal=WOULD_LIKE)
        plain_wish = rng.bernoulli(0.2)
        return asked("wish", clause if plain_wish else with_when(rng, eating), initial(Word("what"), Word("was")))
    if kind == "question" and rng.bernoulli(0.3):
        something = rng.uniform((SOMETHING, SOMETHING_TO_EAT, SOMETHING_TO_DRINK))
        return asked("wish", clause.extended(complement("accusative", something, "accusative")))
    kinds = rng.uniform((("food",), ("drink",), ("drink",), ("clothes", "thing", "room")))
    noun = rng.balanced(nouns_of(kinds))
    what = sample_object(rng, subject, kinds, simple=True, richness=0.2)
    if rng.bernoulli(0.5):
        what = NounPhrase(noun, A if noun.countable or noun.kinds & {"drink"} else NONE)
    clause = clause.extended(complement("accusative", what, "accusative"))
    if kind == "question":
        return asked("wish", clause)
    if rng.bernoulli(0.25):
        english = Phrase("clause", (clause.english(), COMMA, Word("please")))
        return sentence("wish", (english,), (clause.extended(PLEASE_GERMAN).german(),))
    return sentence("wish", (clause.english(),), (clause.german(),))


def which(rng: RandomChoice) -> Sentence:
    """Generate a question with which or how many: Which letter is the boy reading?"""
    verb = rng.balanced(tuple(each for each in verbs_with(("accusative",)) if "game" not in each.complements[0].kinds))
    noun = rng.balanced(nouns_of(verb.complements[0].kinds))
    many = noun.countable and rng.bernoulli(0.4)
    plural = many or (noun.countable and rng.bernoulli(0.3))
    determiner = HOW_MANY if many else WHICH
    if not noun.countable and "language" not in noun.kinds and rng.bernoulli(0.5):
        determiner = HOW_MUCH
    richness = 0.0 if "bare" in noun.kinds else 0.3
    what = sample_noun_phrase(rng, noun, determiner=determiner, plural=plural, richness=richness)
    clause = Clause(interrogative_subject(rng), verb, (complement("accusative", what, "accusative"),))
    front = clause.constituents[0]
    return asked("which question", with_tense(rng, clause), front)


def which_subject(rng: RandomChoice) -> Sentence:
    """Generate a question for the subject with which or how many: How many guests are coming?"""
    noun = rng.balanced(nouns_of(("person", "vehicle")))
    plural = rng.bernoulli(0.6)
    determiner = HOW_MANY if plural and rng.bernoulli(0.7) else WHICH
    subject = sample_noun_phrase(rng, noun, determiner=determiner, plural=plural, richness=0.15)
    if "vehicle" in noun.kinds:
        clause = Clause(subject, GO_BY, (adjuncts.city(rng, "direction"),))
        if rng.bernoulli(0.4):
            clause = Clause(subject, next(each for each in verbs_with((), "vehicle") if each.lemma == "leave"))
    else:
        clause = sample_clause(rng, subject=subject, simple=True, richness=0.1)
    clause, _ = inflected(rng, clause)
    return sentence("question for the subject", (clause.english(),), (clause.german(),), "?")


def adverbial(rng: RandomChoice) -> Sentence:
    """Generate a question for an adverbial: Why, when and how often does the boy read?"""
    subject = interrogative_subject(rng) if rng.bernoulli(0.6) else None
    clause = sample_clause(rng, subject=subject, simple=True, richness=0.15)
    english, german = rng.uniform(WH_ADVERBS)
    if clause.verb.state and english != "why":
        return adverbial(rng)
    if english == "how often":
        habitual = rng.bernoulli(0.6)
        clause = replace(clause, tense="present" if habitual else "past", habitual=True)
    elif english in ("when", "what time", "at what time"):
        tense: Tense | Literal["modal"] = rng.weighted({"past": 2.0, "future": 1.5, "present": 1.5, "modal": 1.5})
        if tense == "modal":
            clause = replace(
                clause, modal=rng.uniform((CAN, SHOULD, WANT, MUST, HAVE) if animate(clause.subject) else (CAN,))
            )
        else:
            clause = with_aspect(rng, replace(clause, tense=tense, habitual=rng.bernoulli(0.7)))
    elif english == "how":
        clause = replace(clause, tense="past") if rng.bernoulli(0.4) else replace(clause, modal=CAN)
    else:
        clause = with_tense(rng, clause)
        clause = clause.negated(clause.modal is None and rng.bernoulli(0.25))
    return asked("adverb question", clause, initial(invariant(english), invariant(german)))


def companion(rng: RandomChoice) -> Sentence:
    """Generate a question for a companion or a beneficiary: Who are you going to the cinema with?"""
    preposition, german, case = rng.uniform((("with", "mit", "dative"), ("for", "für", "accusative")))
    clause = sample_clause(
        rng,
        subject=interrogative_subject(rng),
        cases=rng.weighted({(): 1.0, ("accusative",): 2.0, ("motion",): 1.0})
        if preposition == "with"
        else ("accusative",),
        simple=True,
        richness=0.1,
    )
    if clause.verb.lemma not in (SHARED if preposition == "with" else BENEFACTIVE) and not clause.find("direction"):
        return companion(rng)
    clause = with_tense(rng, clause)
    who = initial(Word("who"), Phrase("front", (Word(german), WHO.german(case))))  # type: ignore[arg-type]
    return sentence(
        "question for a companion",
        (clause.english("question", who), Word(preposition)),
        (clause.german("second", who),),
        "?",
    )


def place_question(rng: RandomChoice) -> Sentence:
    """Generate a question for a place, a direction or an origin: Where does the boy live? Where is he going?"""
    subject = interrogative_subject(rng)
    if rng.bernoulli(0.35):
        goers = tuple(verb for verb in (*MOTIONS, *JOURNEYS) if verb.lemma != "come")
        clause = with_when(rng, with_tense(rng, Clause(subject, rng.uniform(goers))))
        return asked("place question", clause, initial(invariant("where"), invariant("wohin")))
    if rng.bernoulli(0.1):
        origin, where = Clause(subject, BE_FROM), initial(invariant("where"), invariant("woher"))
        english = (origin.english("question", where), Word("from"))
        return sentence("place question", english, (origin.german("second", where),), "?")
    if rng.bernoulli(0.4):
        clause = Clause(subject, rng.uniform(STAYS))
    else:
        frame = rng.weighted({("accusative",): 2.0, (): 1.0, ("dative",): 0.3})
        clause = sample_clause(rng, subject=subject, cases=frame, simple=True, richness=0.15)
        if clause.verb.lemma in ("drive", "arrive", "fall asleep", "go", "come"):
            return place_question(rng)
    return asked("place question", with_tense(rng, clause), initial(invariant("where"), invariant("wo")))


PLEASE = Constituent("please", Word("please"), Phrase("please", (Word("bitte"),)))
PLEASE_GERMAN = Constituent("please", invariant(""), Phrase("please", (Word("bitte"),)))


def polite_request(rng: RandomChoice) -> Sentence:
    """Generate a polite request: Can you help me, please? May I come with you?"""
    kind = rng.weighted({"you": 3.0, "may": 1.2, "shall": 0.8})
    subject = {"you": YOU, "may": rng.uniform((I, WE)), "shall": rng.uniform((I, WE, WE))}[kind]
    clause = sample_clause(rng, subject=subject, simple=True, richness=0.15)
    if clause.verb.state or clause.verb.lemma in NON_VOLITIONAL:
        return polite_request(rng)
    planned = rng.bernoulli(0.25)
    clause = clause.extended(adjuncts.time(rng, "future")) if planned else with_manner(rng, clause)
    if kind == "you":
        modal = rng.uniform((CAN, COULD))
        clause = replace(clause, modal=modal)
        last = rng.bernoulli(0.5)
        polite = clause.extended(PLEASE)
        english = clause.english("question") if last else polite.english("question")
        please = (COMMA, Word("please")) if last else ()
        if modal is CAN and rng.bernoulli(0.3):
            return asked("polite request", clause)
        return sentence("polite request", (english, *please), (polite.german("first"),), "?")
    clause = replace(clause, modal=rng.uniform((MAY, CAN)) if kind == "may" else rng.uniform((SHALL, SHALL, SHOULD)))
    return asked("polite request", clause)
