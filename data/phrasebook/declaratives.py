"""Sentences of one main clause that tell what somebody does."""

from dataclasses import replace
from typing import Literal

from phrasebook import adjuncts
from phrasebook.random_choice import RandomChoice
from phrasebook.adjuncts import clock
from phrasebook.clauses import Clause
from phrasebook.constituents import CAN, HAVE, MUST, SHOULD, Constituent, Tense, complement
from phrasebook.determiners import ALL, EVERY, MANY, NONE, SOME, THE
from phrasebook.verb_phrases import inflected, sample_clause, placing, position
from phrasebook.selection import NO_PASSIVE
from phrasebook.lexicon import PEOPLE, nouns_of, verbs_with
from phrasebook.nominals import ProperName
from phrasebook.noun_phrases import COUNTS, sample_noun_phrase, sample_subject
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import Phrase, Word


def stated(rng: RandomChoice, construction: str, clause: Clause) -> Sentence:
    """A clause as a statement; its time may stand at the front."""
    clause, movable = inflected(rng, clause, negative=rng.bernoulli(0.17))
    front = movable if movable and rng.bernoulli(0.4) else None
    return sentence(construction, (clause.english(front=front),), (clause.german(front=front),))


def intransitive(rng: RandomChoice) -> Sentence:
    """The boy is sleeping."""
    return stated(rng, "intransitive", sample_clause(rng, cases=(), simple=True, richness=0.5))


def transitive(rng: RandomChoice) -> Sentence:
    """The boy is reading a long letter."""
    return stated(rng, "transitive", sample_clause(rng, cases=("accusative",), simple=True))


def quantified(rng: RandomChoice) -> Sentence:
    """The boy bought three apples for every child: determiners that a negation would not suit."""
    verb = rng.balanced(verbs_with(("accusative",)))
    things = tuple(noun for noun in nouns_of(verb.complements[0].kinds) if noun.countable)
    if not things:
        return quantified(rng)
    noun = rng.balanced(things)
    opening = rng.balanced((EVERY, ALL, MANY, SOME, rng.balanced(COUNTS)))
    what = sample_noun_phrase(rng, noun, opening=opening, plural=opening is not EVERY)
    subject = sample_subject(rng, verb.subjects)
    clause, _ = inflected(rng, Clause(subject, verb, (complement("accusative", what, "accusative"),)))
    return sentence("quantified", (clause.english(),), (clause.german(),))


def dative(rng: RandomChoice) -> Sentence:
    """The boy is helping his brother."""
    return stated(rng, "dative verb", sample_clause(rng, cases=("dative",), simple=True))


def ditransitive(rng: RandomChoice) -> Sentence:
    """The boy is giving his brother an apple."""
    return stated(rng, "ditransitive", sample_clause(rng, cases=("dative", "accusative"), simple=True, richness=0.3))


def with_preposition(rng: RandomChoice) -> Sentence:
    """The boy is waiting for the bus."""
    return stated(rng, "prepositional object", sample_clause(rng, cases=("preposition",), simple=True))


def motion(rng: RandomChoice) -> Sentence:
    """The boy is going into the house."""
    return stated(rng, "motion", sample_clause(rng, cases=("motion",), simple=True))


def staying(rng: RandomChoice) -> Sentence:
    """The boy lives in a small village; the cat is lying under the table."""
    clause = sample_clause(rng, cases=("stay",), simple=True) if rng.bernoulli(0.4) else position(rng, True)
    return stated(rng, "position", clause)


def putting(rng: RandomChoice) -> Sentence:
    """The boy is putting the book on the table."""
    return stated(rng, "placing", placing(rng))


def appointed(rng: RandomChoice) -> Sentence:
    """The meeting begins at half past three."""
    english, german = clock(rng)
    at = Constituent("time", Phrase("time", (Word("at"), english)), Phrase("time", (Word("um"), german)))
    clause = sample_clause(
        rng,
        cases=rng.weighted({(): 4.0, ("accusative",): 4.0, ("motion",): 3.0}),
        person=True,
        simple=True,
        richness=0.1,
    )
    if clause.verb.state:
        return appointed(rng)
    tense: Tense | Literal["modal"] = rng.weighted({"past": 1.0, "future": 1.0, "modal": 1.0})
    if tense == "modal":
        clause = replace(clause, modal=rng.balanced((CAN, HAVE, MUST, SHOULD)))
    else:
        clause = replace(clause, tense=tense)
    clause = clause.extended(at)
    front = at if rng.bernoulli(0.35) else None
    return sentence("appointment", (clause.english(front=front),), (clause.german(front=front),))


def passive(rng: RandomChoice) -> Sentence:
    """The bridge was built by the old farmer."""
    verb = rng.balanced(tuple(each for each in verbs_with(("accusative",)) if each.lemma not in NO_PASSIVE))
    noun = rng.balanced(nouns_of(verb.complements[0].kinds))
    subject = sample_noun_phrase(rng, noun, simple=True, richness=0.3)
    if subject.determiner is NONE:
        subject = replace(subject, determiner=THE)
    clause = Clause(subject, verb, (), passive=True, negative=rng.bernoulli(0.12))
    tense: Tense | Literal["modal"] = rng.weighted({"present": 3.0, "past": 4.0, "future": 2.0, "modal": 2.0})
    if tense == "modal":
        clause = replace(
            clause, modal=rng.balanced((CAN, HAVE, SHOULD) if clause.negative else (CAN, MUST, HAVE, SHOULD))
        )
    else:
        clause = replace(clause, tense=tense)
    when = None
    if rng.bernoulli(0.5):
        when = adjuncts.time(rng, "future" if clause.modal else clause.tense)
        clause = clause.extended(when)
    if rng.bernoulli(0.35):
        agent = sample_noun_phrase(rng, rng.balanced(nouns_of(("person",))), simple=True, richness=0.25)
        name = ProperName(rng.balanced(PEOPLE))
        agent_phrase = name if rng.bernoulli(0.3) or agent.noun is noun else agent
        clause = clause.extended(adjuncts.prepositional("agent", "by", "von", agent_phrase, "dative"))
    front = when if when and rng.bernoulli(0.35) else None
    return sentence("passive", (clause.english(front=front),), (clause.german(front=front),))
