"""Sentences of one main clause that tell what somebody does."""

from dataclasses import replace
from typing import Literal

from phrasebook import circumstances
from phrasebook.chance import Chance
from phrasebook.circumstances import clock
from phrasebook.clauses import Clause
from phrasebook.constituents import CAN, HAVE, MUST, SHOULD, Constituent, Tense, complement
from phrasebook.determiners import ALL, EVERY, MANY, NONE, SOME, THE
from phrasebook.events import dressed, event, placing, position
from phrasebook.idiom import UNPASSIVE
from phrasebook.lexicon import PEOPLE, nouns_of, verbs_with
from phrasebook.nominals import Named
from phrasebook.sampling import COUNTS, described, subject_of
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import Phrase, Word


def stated(chance: Chance, construction: str, clause: Clause) -> Sentence:
    """A clause as a statement; its time may stand at the front."""
    clause, movable = dressed(chance, clause, negative=chance.happens(0.17))
    front = movable if movable and chance.happens(0.4) else None
    return sentence(construction, (clause.english(front=front),), (clause.german(front=front),))


def intransitive(chance: Chance) -> Sentence:
    """The boy is sleeping."""
    return stated(chance, "intransitive", event(chance, cases=(), simple=True, richness=0.5))


def transitive(chance: Chance) -> Sentence:
    """The boy is reading a long letter."""
    return stated(chance, "transitive", event(chance, cases=("accusative",), simple=True))


def quantified(chance: Chance) -> Sentence:
    """The boy bought three apples for every child: determiners that a negation would not suit."""
    verb = chance.pick(verbs_with(("accusative",)))
    things = tuple(noun for noun in nouns_of(verb.complements[0].kinds) if noun.countable)
    if not things:
        return quantified(chance)
    noun = chance.pick(things)
    opening = chance.pick((EVERY, ALL, MANY, SOME, chance.pick(COUNTS)))
    what = described(chance, noun, opening=opening, plural=opening is not EVERY)
    subject = subject_of(chance, verb.subjects)
    clause, _ = dressed(chance, Clause(subject, verb, (complement("accusative", what, "accusative"),)))
    return sentence("quantified", (clause.english(),), (clause.german(),))


def dative(chance: Chance) -> Sentence:
    """The boy is helping his brother."""
    return stated(chance, "dative verb", event(chance, cases=("dative",), simple=True))


def ditransitive(chance: Chance) -> Sentence:
    """The boy is giving his brother an apple."""
    return stated(chance, "ditransitive", event(chance, cases=("dative", "accusative"), simple=True, richness=0.3))


def with_preposition(chance: Chance) -> Sentence:
    """The boy is waiting for the bus."""
    return stated(chance, "prepositional object", event(chance, cases=("preposition",), simple=True))


def motion(chance: Chance) -> Sentence:
    """The boy is going into the house."""
    return stated(chance, "motion", event(chance, cases=("motion",), simple=True))


def staying(chance: Chance) -> Sentence:
    """The boy lives in a small village; the cat is lying under the table."""
    clause = event(chance, cases=("stay",), simple=True) if chance.happens(0.4) else position(chance, True)
    return stated(chance, "position", clause)


def putting(chance: Chance) -> Sentence:
    """The boy is putting the book on the table."""
    return stated(chance, "placing", placing(chance))


def appointed(chance: Chance) -> Sentence:
    """The meeting begins at half past three."""
    english, german = clock(chance)
    at = Constituent("time", Phrase("time", (Word("at"), english)), Phrase("time", (Word("um"), german)))
    clause = event(
        chance,
        cases=chance.weighted({(): 4.0, ("accusative",): 4.0, ("motion",): 3.0}),
        person=True,
        simple=True,
        richness=0.1,
    )
    if clause.verb.state:
        return appointed(chance)
    tense: Tense | Literal["modal"] = chance.weighted({"past": 1.0, "future": 1.0, "modal": 1.0})
    if tense == "modal":
        clause = replace(clause, modal=chance.pick((CAN, HAVE, MUST, SHOULD)))
    else:
        clause = replace(clause, tense=tense)
    clause = clause.having(at)
    front = at if chance.happens(0.35) else None
    return sentence("appointment", (clause.english(front=front),), (clause.german(front=front),))


def passive(chance: Chance) -> Sentence:
    """The bridge was built by the old farmer."""
    verb = chance.pick(tuple(each for each in verbs_with(("accusative",)) if each.lemma not in UNPASSIVE))
    noun = chance.pick(nouns_of(verb.complements[0].kinds))
    subject = described(chance, noun, simple=True, richness=0.3)
    if subject.determiner is NONE:
        subject = replace(subject, determiner=THE)
    clause = Clause(subject, verb, (), passive=True, negative=chance.happens(0.12))
    tense: Tense | Literal["modal"] = chance.weighted({"present": 3.0, "past": 4.0, "future": 2.0, "modal": 2.0})
    if tense == "modal":
        clause = replace(
            clause, modal=chance.pick((CAN, HAVE, SHOULD) if clause.negative else (CAN, MUST, HAVE, SHOULD))
        )
    else:
        clause = replace(clause, tense=tense)
    when = None
    if chance.happens(0.5):
        when = circumstances.time(chance, "future" if clause.modal else clause.tense)
        clause = clause.having(when)
    if chance.happens(0.35):
        agent = described(chance, chance.pick(nouns_of(("person",))), simple=True, richness=0.25)
        name = Named(chance.pick(PEOPLE))
        agent_phrase = name if chance.happens(0.3) or agent.noun is noun else agent
        clause = clause.having(circumstances.prepositional("agent", "by", "von", agent_phrase, "dative"))
    front = when if when and chance.happens(0.35) else None
    return sentence("passive", (clause.english(front=front),), (clause.german(front=front),))
