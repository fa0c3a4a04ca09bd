"""Questions with the verb be."""

from dataclasses import replace

from phrasebook import adjuncts
from phrasebook.adjuncts import adjunct
from phrasebook.clauses import Clause
from phrasebook.constituents import Constituent
from phrasebook.copular import be_tense, inanimate, predicate, sample_adjective
from phrasebook.determiners import POSSESSIVES, THE, THIS
from phrasebook.german import Number
from phrasebook.lexicon import BE, adjectives_for, nouns_of
from phrasebook.nominals import HE, SHE, THAT, THEY, YOU, Nominal
from phrasebook.noun_phrases import human_subject, sample_noun_phrase
from phrasebook.random_choice import RandomChoice
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import Node, Phrase, Word

HOW = ("expensive", "long", "heavy", "big", "difficult", "dangerous", "important", "high", "fast", "warm", "cold")


KINDS = {"where": 3.0, "who": 1.0, "when": 1.0, "how": 1.2, "degree": 1.5, "why": 1.5, "whether": 3.0, "what": 0.6}
GERMAN = {"where": "wo", "who": "wer", "when": "wann", "how": "wie", "what": "was", "why": "warum"}


def copular_question(rng: RandomChoice) -> Sentence:
    """Generate a copular question: Where is the station? Who is that man? How was the film?"""
    kind = rng.weighted(KINDS)
    if kind == "whether":
        return yes_no(rng)
    if kind == "degree":
        return degree(rng)
    clause = Clause(subject_for(rng, kind), BE, (), be_tense(rng))
    if kind == "why":
        adjective = sample_adjective(rng, clause.subject)
        clause = clause.extended(predicate(adjective, rng.uniform((("", ""), ("", ""), ("so", "so")))))
    if kind in ("where", "why", "how") and rng.bernoulli(0.15):
        clause = clause.extended(adjuncts.time(rng, clause.tense))
    return asked(clause, Word(kind), Word(GERMAN[kind]))


def asked(clause: Clause, english: Node, german: Node) -> Sentence:
    """Return a question that begins with a question word or phrase."""
    front = Constituent("front", english, german)
    return sentence("copular question", (clause.english("question", front),), (clause.german("second", front),), "?")


def subject_for(rng: RandomChoice, word: str) -> Nominal:
    """Return a subject that suits the question word."""
    if word == "what":
        number: Number = "plural" if rng.bernoulli(0.3) else "singular"
        english = rng.uniform(("this", "that") if number == "singular" else ("these", "those"))
        return replace(THAT, subject=english, number=number)
    if word == "who":
        if rng.bernoulli(0.15):
            return rng.uniform((HE, SHE, THEY, YOU))
        person = rng.balanced(nouns_of(("person",)))
        return sample_noun_phrase(rng, person, determiner=rng.uniform((THIS, THE, *POSSESSIVES)), richness=0.2)
    if word in ("when", "how"):
        kinds = EVENTS if word == "when" else EVALUATED
        noun = rng.balanced(nouns_of(kinds))
        determiner = THE if "weather" in noun.kinds or rng.bernoulli(0.5) else rng.uniform(POSSESSIVES)
        return sample_noun_phrase(rng, noun, determiner=determiner, plural=False, richness=0.1)
    if word == "where" and rng.bernoulli(0.3):
        place = rng.balanced(nouns_of(("building", "room", "outdoors")))
        return sample_noun_phrase(rng, place, determiner=THE, plural=False, richness=0.25)
    if rng.bernoulli(0.15):
        return YOU
    human = rng.bernoulli(0.35 if word == "where" else 0.65)
    return human_subject(rng, simple=True, richness=0.1) if human else inanimate(rng)


EVENTS = ("event",)
EVALUATED = ("event", "film", "food", "drink", "weather", "hotel", "restaurant", "book", "novel")


def degree(rng: RandomChoice) -> Sentence:
    """Generate a question for a degree: How long is the bridge?"""
    subject = inanimate(rng)
    fitting = tuple(each for each in adjectives_for(subject.noun) if each.english in HOW)
    if not fitting:
        return degree(rng)
    adjective = rng.balanced(fitting)
    how = Phrase("front", (Word("how"), Word(adjective.english, "adjective")))
    wie = Phrase("front", (Word("wie"), Word(adjective.german, "adjective")))
    return asked(Clause(subject, BE, (), be_tense(rng)), how, wie)


def yes_no(rng: RandomChoice) -> Sentence:
    """Generate a yes-no question: Are you still tired? Is the museum open on Monday?"""
    subject = subject_for(rng, "why")
    clause = Clause(subject, BE, (predicate(sample_adjective(rng, subject)),), be_tense(rng))
    if rng.bernoulli(0.3):
        adverbs = (("still", "noch"), ("always", "immer"), ("already", "schon"), ("really", "wirklich"))
        clause = clause.extended(adjunct("frequency", *rng.uniform(adverbs)))
    elif rng.bernoulli(0.15):
        day, tag = rng.uniform(adjuncts.DAYS)
        clause = clause.extended(adjunct("time", f"on {day}", f"am {tag}"))
    return sentence("copular question", (clause.english("question"),), (clause.german("first"),), "?")
