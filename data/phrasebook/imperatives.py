"""Imperative sentences: requests, commands and suggestions."""

from phrasebook import adjuncts
from phrasebook.clauses import Clause
from phrasebook.constituents import complement
from phrasebook.lexicon import PEOPLE
from phrasebook.nominals import WE, YOU, I, ProperName
from phrasebook.random_choice import RandomChoice
from phrasebook.selection import NON_VOLITIONAL
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import COMMA, Phrase, Word, invariant
from phrasebook.verb_phrases import placing, sample_clause, with_manner


def requesting(rng: RandomChoice) -> Sentence:
    """Generate a request or a command: Please read the letter. Do not wait for me! Come home, Anna!"""
    clause = placing(rng, YOU) if rng.bernoulli(0.1) else sample_clause(rng, subject=YOU, simple=True, richness=0.2)
    never = clause.verb.lemma in ("forget", "lose", "break", "fall asleep", "cry", "laugh", "smoke", "miss")
    if clause.verb.state or (clause.verb.lemma in NON_VOLITIONAL and not never):
        return requesting(rng)
    clause = clause.negated(never or rng.bernoulli(0.25))
    if never and not clause.negative:
        return requesting(rng)
    clause = clause.extended(adjuncts.time(rng, "future")) if rng.bernoulli(0.15) else with_manner(rng, clause)
    english, german = clause.english("imperative"), clause.german("imperative")
    form = rng.weighted({"please": 4.0, "name": 2.0, "plain": 2.0, "last": 1.0})
    if form == "please":
        return sentence("request", (Word("please"), english), (Word("bitte"), german))
    if form == "last":
        return sentence("request", (english, COMMA, Word("please")), (Word("bitte"), german), "!")
    if form == "plain":
        return sentence("command", (english,), (german,), "!")
    name = ProperName(rng.balanced(PEOPLE))
    if rng.bernoulli(0.3):
        return sentence("command", (english, COMMA, name.english()), (german, COMMA, name.german("nominative")), "!")
    return sentence("command", (name.english(), COMMA, english), (name.german("nominative"), COMMA, german), "!")


def suggesting(rng: RandomChoice) -> Sentence:
    """Generate a suggestion: Let us read the letter!"""
    clause = sample_clause(rng, subject=WE, simple=True, richness=0.2)
    if clause.verb.state or clause.verb.german.reflexive or clause.verb.lemma in NON_VOLITIONAL:
        return suggesting(rng)
    clause = with_manner(rng, clause)
    if rng.bernoulli(0.35):
        clause = clause.extended(adjuncts.time(rng, "future"))
    english = Phrase("clause", (*invariant("let us").parts, clause.english("imperative")))
    return sentence("suggestion", (english,), (*invariant("lass uns").parts, clause.german("bare")), "!")


def offering(rng: RandomChoice) -> Sentence:
    """Generate a request for oneself: Give me the key, please. Show us the map! Requests for oneself."""
    clause = sample_clause(rng, subject=YOU, cases=("dative", "accusative"), simple=True, richness=0.15)
    receiver = complement("dative", rng.uniform((I, I, WE)), "dative")
    clause = Clause(YOU, clause.verb, (receiver, *(each for each in clause.constituents if each.role == "accusative")))
    english, german = clause.english("imperative"), clause.german("imperative")
    if rng.bernoulli(0.5):
        return sentence("request", (english, COMMA, Word("please")), (Word("bitte"), german))
    return sentence("request", (Word("please"), english), (Word("bitte"), german), "!")
