"""Health and sensations: dative experiencers, ailments, pain and fear."""

from dataclasses import replace

from phrasebook import adjuncts
from phrasebook.adjuncts import adjunct, prepositional
from phrasebook.clauses import Clause
from phrasebook.constituents import Constituent
from phrasebook.copular import be_tense
from phrasebook.determiners import POSSESSIVES
from phrasebook.lexicon import BE, VERBS, nouns_of
from phrasebook.nominals import YOU, Nominal, NounPhrase
from phrasebook.noun_phrases import human_subject, sample_noun_phrase
from phrasebook.random_choice import RandomChoice
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import Phrase, Word, invariant

STATES = (
    ("fine", "gut"),
    ("well", "gut"),
    ("very well", "sehr gut"),
    ("better", "besser"),
)
SENSATIONS = (("cold", "kalt"), ("warm", "warm"), ("too hot", "zu heiß"), ("too cold", "zu kalt"))
# English | German, and its negated form
AILMENTS = (
    ("a headache", "Kopfschmerzen", "keine Kopfschmerzen"),
    ("a toothache", "Zahnschmerzen", "keine Zahnschmerzen"),
    ("a stomachache", "Bauchschmerzen", "keine Bauchschmerzen"),
    ("a fever", "Fieber", "kein Fieber"),
    ("a cold", "eine Erkältung", "keine Erkältung"),
    ("a cough", "Husten", "keinen Husten"),
)


def experiencing(rng: RandomChoice) -> Sentence:
    """Generate a dative experiencer: I am fine, mir geht es gut. He is cold, ihm ist kalt."""
    person = human_subject(rng, simple=True, richness=0.1)
    past = rng.bernoulli(0.25)
    kind = rng.weighted({"health": 2.0, "question": 2.0, "sensation": 2.0})
    if kind == "question":
        clause = Clause(YOU if rng.bernoulli(0.2) else person, BE, (), "present")
        when = (adjunct("time", "today", "heute"),) if rng.bernoulli(0.2) else ()
        how = Constituent("front", Word("how"), Word("wie"))
        german = (
            Word("wie"),
            Word("geht"),
            Word("es"),
            clause.subject.german("dative"),
            *(each.german for each in when),
        )
        return sentence("experiencer", (clause.extended(*when).english("question", how),), german, "?")
    if kind == "health":
        english, german_state = rng.uniform(STATES)
        again = (adjunct("time", "again", "wieder"),) if rng.bernoulli(0.2) else ()
        clause = Clause(person, BE, (Constituent("predicate", invariant(english), invariant("")), *again), "present")
        verb = (Word("geht"), Word("es"))
        german = (person.german("dative"), *verb, *(each.german for each in again), *invariant(german_state).parts)
        return sentence("experiencer", (clause.english(),), german)
    english, german_state = rng.uniform(SENSATIONS)
    state = Constituent("predicate", invariant(english), invariant(""))
    clause = Clause(person, BE, (state,), "past" if past else "present", negative=rng.bernoulli(0.2))
    finite = Word("war" if past else "ist")
    nicht = (Word("nicht"),) if clause.negative else ()
    if rng.bernoulli(0.3):
        german = (finite, person.german("dative"), *nicht, *invariant(german_state).parts)
        return sentence("experiencer", (clause.english("question"),), german, "?")
    return sentence(
        "experiencer", (clause.english(),), (person.german("dative"), finite, *nicht, *invariant(german_state).parts)
    )


def ailing(rng: RandomChoice) -> Sentence:
    """Generate an ailment, a pain or a fear: I have a headache. My back hurts. Are you afraid of the dog?"""
    person = human_subject(rng, simple=True, richness=0.1)
    kind = rng.weighted({"ailment": 2.0, "pain": 2.0, "fear": 1.0})
    if kind == "pain":
        noun = rng.balanced(nouns_of(("body",)))
        plural = noun.english in ("foot", "eye", "leg", "tooth", "ear") and rng.bernoulli(0.6)
        owner = rng.uniform(POSSESSIVES[:2]) if rng.bernoulli(0.5) else rng.uniform(POSSESSIVES)
        subject: Nominal = NounPhrase(noun, owner, "plural" if plural else "singular")
        clause = Clause(subject, HURT)
        if rng.bernoulli(0.2):
            clause = clause.extended(adjunct("frequency", *rng.uniform((("still", "noch"), ("often", "oft")))))
        return statement_or_question(rng, "health", clause)
    if kind == "ailment":
        english, german, negated = rng.uniform(AILMENTS)
        what = Constituent(
            "accusative",
            invariant(english),
            Phrase("accusative", invariant(german).parts),
            Phrase("accusative", invariant(negated).parts),
        )
        return statement_or_question(rng, "health", Clause(person, HAVE_VERB, (what,), be_tense(rng)))
    noun = rng.balanced(nouns_of(("animal", "exam", "doctor", "boss", "person", "plane")))
    feared = sample_noun_phrase(rng, noun, simple=True, richness=0.1)
    afraid = prepositional("prepositional", "afraid of", "vor", feared, "dative")
    fear = Constituent(
        "accusative",
        invariant(""),
        Phrase("accusative", (Word("Angst"),)),
        Phrase("accusative", invariant("keine Angst").parts),
    )
    tense = be_tense(rng)
    negative, question = rng.bernoulli(0.2), rng.bernoulli(0.2)
    clause = Clause(person, BE, (afraid,), tense, negative=negative)
    german_clause = Clause(person, HAVE_VERB, (fear, replace(afraid, negated=None)), tense, negative=negative)
    if question:
        return sentence("fear", (clause.english("question"),), (german_clause.german("first"),), "?")
    return sentence("fear", (clause.english(),), (german_clause.german(),))


def statement_or_question(rng: RandomChoice, construction: str, clause: Clause) -> Sentence:
    """Return the clause as a statement, positive or negative, or as a question."""
    if rng.bernoulli(0.2):
        return sentence(construction, (clause.english("question"),), (clause.german("first"),), "?")
    clause = replace(clause, negative=rng.bernoulli(0.2))
    if rng.bernoulli(0.25):
        clause = clause.extended(adjuncts.time(rng, clause.tense))
    return sentence(construction, (clause.english(),), (clause.german(),))


HAVE_VERB = next(each for each in VERBS if each.lemma == "have")
HURT = next(each for each in VERBS if each.lemma == "hurt")
