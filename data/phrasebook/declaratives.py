"""Declarative sentences of one main clause."""

from dataclasses import replace
from typing import Literal

from phrasebook import adjuncts
from phrasebook.adjuncts import time_at
from phrasebook.clauses import Clause
from phrasebook.constituents import CAN, HAVE, MUST, SHOULD, WANT, Constituent, Tense, complement
from phrasebook.copular import be_tense, predicate, sample_adjective
from phrasebook.determiners import ALL, EVERY, MANY, NONE, POSSESSIVES, SOME, THE, THIS
from phrasebook.german import Case, Number
from phrasebook.lexicon import BE, PEOPLE, adjectives_for, nouns_of, verbs_with
from phrasebook.nominals import (
    EVERYTHING,
    NOBODY,
    NOTHING,
    SOMEBODY,
    SOMETHING,
    SOMETHING_TO_DRINK,
    SOMETHING_TO_EAT,
    NounPhrase,
    ProperName,
    anaphor,
)
from phrasebook.noun_phrases import COUNTS, human_subject, sample_noun_phrase, sample_subject
from phrasebook.questions import asked, with_tense
from phrasebook.random_choice import RandomChoice
from phrasebook.selection import NO_PASSIVE
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import COMMA, Word, invariant
from phrasebook.verb_phrases import inflected, placing, position, sample_clause

OBJECT_KINDS = ("clothes", "text", "device", "thing", "vehicle", "animal", "instrument", "food", "furniture")


def stated(rng: RandomChoice, construction: str, clause: Clause) -> Sentence:
    """Return the clause as a statement, with its temporal adjunct fronted or not."""
    clause, movable = inflected(rng, clause, negative=rng.bernoulli(0.22))
    if clause.modal is CAN and clause.tense == "present" and rng.bernoulli(0.3):
        clause = clause.negated()
    front = movable if movable and rng.bernoulli(0.35) else None
    english = clause
    if clause.modal is None and rng.bernoulli(0.6 if clause.verb.lemma in ("have", "need") else 0.12):
        english = clause.with_no() or clause
    return sentence(construction, (english.english(front=front),), (clause.german(front=front),))


def intransitive(rng: RandomChoice) -> Sentence:
    """Generate an intransitive clause: The boy is sleeping."""
    return stated(rng, "intransitive", sample_clause(rng, cases=(), simple=True, richness=0.3))


def transitive(rng: RandomChoice) -> Sentence:
    """Generate a transitive clause: The boy is reading a long letter."""
    return stated(rng, "transitive", sample_clause(rng, cases=("accusative",), simple=True))


def quantified(rng: RandomChoice) -> Sentence:
    """Generate a clause with a quantified object, which is not negated: The boy bought three apples."""
    verb = rng.balanced(verbs_with(("accusative",)))
    things = tuple(noun for noun in nouns_of(verb.complements[0].kinds) if noun.countable)
    if not things:
        return quantified(rng)
    noun = rng.balanced(things)
    quantifier = rng.uniform((EVERY, ALL, MANY, SOME, rng.uniform(COUNTS)))
    what = sample_noun_phrase(rng, noun, determiner=quantifier, plural=quantifier is not EVERY)
    subject = sample_subject(rng, verb.subjects)
    clause, _ = inflected(rng, Clause(subject, verb, (complement("accusative", what, "accusative"),)))
    return sentence("quantified", (clause.english(),), (clause.german(),))


def dative(rng: RandomChoice) -> Sentence:
    """Generate a clause with a dative object: The boy is helping his brother."""
    return stated(rng, "dative verb", sample_clause(rng, cases=("dative",), simple=True))


def ditransitive(rng: RandomChoice) -> Sentence:
    """Generate a clause with two objects: The boy is giving his brother an apple."""
    return stated(rng, "ditransitive", sample_clause(rng, cases=("dative", "accusative"), simple=True, richness=0.3))


def with_preposition(rng: RandomChoice) -> Sentence:
    """Generate a clause with a prepositional object: The boy is waiting for the bus."""
    return stated(rng, "prepositional object", sample_clause(rng, cases=("preposition",), simple=True))


def motion(rng: RandomChoice) -> Sentence:
    """Generate a clause of motion: The boy is going into the house."""
    return stated(rng, "motion", sample_clause(rng, cases=("motion",), simple=True))


def staying(rng: RandomChoice) -> Sentence:
    """Generate a clause of position: The boy lives in a small village; the cat is lying under the table."""
    clause = sample_clause(rng, cases=("stay",), simple=True) if rng.bernoulli(0.4) else position(rng, True)
    return stated(rng, "position", clause)


def putting(rng: RandomChoice) -> Sentence:
    """Generate a clause of putting: The boy is putting the book on the table."""
    return stated(rng, "placing", placing(rng))


def appointed(rng: RandomChoice) -> Sentence:
    """Generate a clause with a time of day: The meeting begins at half past three."""
    at = time_at(rng)
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
        clause = replace(clause, modal=rng.uniform((CAN, HAVE, MUST, SHOULD)))
    else:
        clause = replace(clause, tense=tense)
    clause = clause.extended(at)
    front = at if rng.bernoulli(0.35) else None
    return sentence("appointment", (clause.english(front=front),), (clause.german(front=front),))


def passive(rng: RandomChoice) -> Sentence:
    """Generate a passive clause: The bridge was built by the old farmer."""
    verb = rng.balanced(tuple(each for each in verbs_with(("accusative",)) if each.lemma not in NO_PASSIVE))
    noun = rng.balanced(nouns_of(verb.complements[0].kinds))
    subject = sample_noun_phrase(rng, noun, simple=True, richness=0.3)
    if subject.determiner is NONE:
        subject = replace(subject, determiner=THE)
    clause = Clause(subject, verb, (), passive=True, negative=rng.bernoulli(0.12))
    tense: Tense | Literal["modal"] = rng.weighted({"present": 3.0, "past": 4.0, "future": 2.0, "modal": 2.0})
    if tense == "modal":
        clause = replace(
            clause, modal=rng.uniform((CAN, HAVE, SHOULD) if clause.negative else (CAN, MUST, HAVE, SHOULD))
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


CASES: tuple[Case, ...] = ("accusative", "dative")


def indefinite(rng: RandomChoice) -> Sentence:
    """Generate a clause with an indefinite pronoun: Nobody has called me. She did not buy anything."""
    if rng.bernoulli(0.4):
        subject = rng.uniform((SOMEBODY, NOBODY, NOBODY))
        clause = sample_clause(rng, subject=subject, simple=True, richness=0.2)
        clause, _ = inflected(rng, clause)
        clause = affirmative(clause)
        return sentence("indefinite pronoun", (clause.english(),), (clause.german(),))
    case: Case = rng.uniform(CASES)
    person = case == "dative" or rng.bernoulli(0.3)
    fitting = {"person"} if person else {"thing", "object", "food", "text"}
    verb = rng.balanced(
        tuple(each for each in verbs_with((case,)) if not fitting.isdisjoint(each.complements[0].kinds))
    )
    pronoun = rng.uniform((SOMEBODY, NOBODY) if person else (SOMETHING, NOTHING, EVERYTHING))
    if verb.lemma in ("eat", "drink", "want", "have", "need", "buy", "order", "find") and pronoun is SOMETHING:
        pronoun = rng.uniform((SOMETHING, SOMETHING_TO_EAT, SOMETHING_TO_DRINK))
    clause = Clause(human_subject(rng, simple=True, richness=0.1), verb, (complement(case, pronoun, case),))
    clause, _ = inflected(rng, clause)
    clause = affirmative(clause)
    plain = clause.find("frequency") is None and clause.find("time") is None
    if plain and pronoun not in (NOTHING, NOBODY) and rng.bernoulli(0.3):
        return asked("indefinite pronoun", clause)
    if pronoun in (NOTHING, NOBODY) and clause.modal is None and clause.tense == "past":
        # I did not see anybody: English negates the verb, German the pronoun
        word = "anything" if pronoun is NOTHING else "anybody"
        others = tuple(each for each in clause.constituents if each.role != case)
        english = replace(
            clause, constituents=(replace(clause.find(case) or others[0], english=Word(word)), *others), negative=True
        )
        return sentence("indefinite pronoun", (english.english(),), (clause.german(),))
    return sentence("indefinite pronoun", (clause.english(),), (clause.german(),))


def affirmative(clause: Clause) -> Clause:
    """Return the clause without its negation."""
    rest = tuple(each for each in clause.constituents if each.role not in ("yet", "early yet"))
    return replace(clause, negative=False, constituents=rest)


PERIOD = Word(".", "mark")
LASTING = ("live", "wait", "work", "learn", "sleep", "play", "know", "have", "sit", "stay", "look for", "read", "cook")
SINCE = (("since yesterday", "seit gestern"), ("since Monday", "seit Montag"), ("since Friday", "seit Freitag"))


def durative(rng: RandomChoice) -> Sentence:
    """Generate an English perfect that is a German present: I have been waiting for an hour."""
    case = rng.weighted({(): 1.0, ("accusative",): 1.0, ("stay",): 1.5})
    subject = human_subject(rng, simple=True, richness=0.1)
    clause = sample_clause(rng, subject=subject, cases=case, simple=True, richness=0.1)
    if clause.verb.lemma not in LASTING:
        return durative(rng)
    english_period, _, german_period = adjuncts.period(rng)
    english, german = (f"for {english_period}", f"seit {german_period}")
    if rng.bernoulli(0.25):
        english, german = rng.uniform(SINCE)
    perfect = replace(clause, tense="perfect", progressive=not clause.verb.state and rng.bernoulli(0.8))
    if rng.bernoulli(0.25):
        how_long = Constituent("front", invariant("how long"), invariant("wie lange"))
        already = clause.extended(adjuncts.adjunct("frequency", "", "schon"))
        return sentence(
            "duration", (perfect.english("question", how_long),), (already.german("second", how_long),), "?"
        )
    since = adjuncts.adjunct("time", english, german)
    return sentence("duration", (perfect.extended(since).english(),), (clause.extended(since).german(),))


def lasted(rng: RandomChoice) -> Sentence:
    """Generate a duration or its end: We waited for two hours. They will stay until Sunday."""
    case = rng.weighted({(): 1.0, ("accusative",): 0.7, ("stay",): 1.5, ("preposition",): 0.7})
    clause = sample_clause(rng, cases=case, person=True, simple=True, richness=0.1)
    if clause.verb.lemma not in LASTING or clause.verb.state:
        return lasted(rng)
    english_period, german_period, _ = adjuncts.period(rng)
    how_long = adjuncts.adjunct("time", f"for {english_period}", german_period)
    if rng.bernoulli(0.4):
        end, ende = rng.uniform(
            (("tomorrow", "morgen"), ("Sunday", "Sonntag"), ("ten o'clock", "zehn Uhr"), ("tonight", "heute Abend"))
        )
        how_long = adjuncts.adjunct("time", f"until {end}", f"bis {ende}")
    tense: Tense = rng.weighted({"past": 1.0, "future": 1.0})
    clause = replace(clause, tense=tense).extended(how_long)
    if rng.bernoulli(0.3):
        clause = replace(clause, tense="present", modal=rng.uniform((CAN, HAVE, MUST, WANT)))
    return sentence("duration", (clause.english(),), (clause.german(),))


def consequence(rng: RandomChoice) -> Sentence:
    """Generate a pronoun that refers to the subject of the clause before: The cat is hungry, so I am feeding it."""
    kinds = (*OBJECT_KINDS, "person", "person", "building", "room")
    noun = rng.balanced(nouns_of((rng.uniform(kinds),)))
    determiner = rng.uniform((THE, THIS, *POSSESSIVES[:4]))
    subject = NounPhrase(noun, determiner, "plural" if noun.countable and rng.bernoulli(0.2) else "singular")
    if noun.english in ("child", "baby", "girl") or not adjectives_for(noun):
        return consequence(rng)
    fitting = tuple(
        verb
        for case in ("accusative", "dative")
        for verb in verbs_with((case,))
        if not noun.kinds.isdisjoint(verb.complements[0].kinds)
    )
    if not fitting:
        return consequence(rng)
    verb = rng.balanced(fitting)
    case = verb.complements[0].case
    degree = rng.uniform((("", ""), ("", ""), ("very", "sehr"), ("too", "zu")))
    first = Clause(subject, BE, (predicate(sample_adjective(rng, subject), degree),), be_tense(rng))
    second = Clause(human_subject(rng, simple=True, richness=0.0), verb, (complement(case, anaphor(subject), case),))
    second = replace(second, tense="past") if first.tense == "past" else with_tense(rng, second)
    if rng.bernoulli(0.5):
        front = Constituent("front", invariant(""), invariant("deshalb"))
        return sentence(
            "consequence",
            (first.english(), COMMA, Word("so"), second.english()),
            (first.german(), COMMA, second.german(front=front)),
        )
    but, aber = rng.uniform((("but", "aber"), ("and", "und")))
    second = second.negated(but == "but" and rng.bernoulli(0.5))
    return sentence(
        "pronoun for an object",
        (first.english(), COMMA, Word(but), second.english()),
        (first.german(), *((COMMA,) if but == "but" else ()), Word(aber), second.german()),
    )


def discourse(rng: RandomChoice) -> Sentence:
    """Generate a pronoun that refers to the object of the clause before: I cannot find my key. Have you seen it?"""
    if rng.bernoulli(0.3):
        return consequence(rng)
    first = sample_clause(rng, cases=("accusative",), person=True, simple=True, richness=0.15)
    found = first.find("accusative")
    noun = next((each for each in nouns_of(OBJECT_KINDS) if found and each.english == found.head), None)
    if noun is None or (first.verb.lemma in ("have", "want", "need") and rng.bernoulli(0.5)):
        return discourse(rng)
    number: Number = "plural" if noun.countable and rng.bernoulli(0.25) else "singular"
    determiner = rng.uniform((THE, THIS, *POSSESSIVES))
    phrase = NounPhrase(noun, determiner, number)
    pronoun = anaphor(phrase)
    first = replace(first, constituents=(complement("accusative", phrase, "accusative"),))
    fitting = tuple(
        verb
        for verb in verbs_with(("accusative",))
        if not noun.kinds.isdisjoint(verb.complements[0].kinds) and verb.lemma != first.verb.lemma
    )
    if not fitting:
        return discourse(rng)
    second = Clause(
        human_subject(rng, simple=True, richness=0.0),
        rng.balanced(fitting),
        (complement("accusative", pronoun, "accusative"),),
    )
    if rng.bernoulli(0.3):
        quality = sample_adjective(rng, phrase)
        second = Clause(pronoun, BE, (predicate(quality),), be_tense(rng))
    first = with_tense(rng, first)
    first = first.negated(rng.bernoulli(0.5 if first.modal is CAN else 0.2))
    if second.verb is not BE:
        second = with_tense(rng, second)
    if rng.bernoulli(0.35):
        english = (first.english(), PERIOD, second.english("question"))
        german = (first.german(), PERIOD, second.german("first"))
        return sentence("pronoun for an object", english, german, "?")
    if rng.bernoulli(0.5):
        english = (first.english(), PERIOD, second.english())
        return sentence("pronoun for an object", english, (first.german(), PERIOD, second.german()))
    comma = (COMMA,)
    but, aber = rng.uniform((("but", "aber"), ("and", "und")))
    return sentence(
        "pronoun for an object",
        (first.english(), COMMA, Word(but), second.english()),
        (first.german(), *(comma if but == "but" else ()), Word(aber), second.german()),
    )
