"""Questions and requests."""

from dataclasses import replace
from typing import Literal

from phrasebook import adjuncts
from phrasebook.copular import be_tense, predicate, sample_adjective, thing
from phrasebook.random_choice import RandomChoice
from phrasebook.clauses import Clause
from phrasebook.constituents import CAN, SHOULD, WANT, Constituent, Tense, complement
from phrasebook.determiners import HOW_MANY, WHICH
from phrasebook.verb_phrases import animate, inflected, sample_clause, placing, with_manner
from phrasebook.selection import COMMON, NON_VOLITIONAL
from phrasebook.lexicon import BE, JOURNEYS, MOTIONS, PEOPLE, STAYS, nouns_of, verbs_with
from phrasebook.nominals import WE, WHAT, WHO, YOU, ProperName, Pronoun
from phrasebook.noun_phrases import sample_noun_phrase, human_subject
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import COMMA, Node, Phrase, Word, invariant

ADVERBS = (("why", "warum"), ("when", "wann"), ("how often", "wie oft"))


def opener(english: Node, german: Node) -> Constituent:
    """What stands before the finite verb of a question."""
    return Constituent("front", english, german)


def with_tense(rng: RandomChoice, clause: Clause) -> Clause:
    """The clause with a tense and nothing else."""
    if clause.verb.state:
        return replace(clause, tense="present" if rng.bernoulli(0.5) else "past")
    tense: Tense | Literal["modal"] = rng.weighted({"present": 3.0, "past": 4.0, "future": 2.0, "modal": 2.5})
    if tense == "modal":
        return replace(clause, modal=rng.balanced((CAN, SHOULD, WANT) if animate(clause.subject) else (CAN,)))
    return replace(clause, tense=tense)


def asked(construction: str, clause: Clause, front: Constituent | None = None) -> Sentence:
    """A clause as a question."""
    english = clause.english("question", front)
    german = clause.german("second" if front else "first", front)
    return sentence(construction, (english,), (german,), "?")


def whether(rng: RandomChoice) -> Sentence:
    """Is the boy reading the letter?"""
    if rng.bernoulli(0.2):
        subject = human_subject(rng, simple=True) if rng.bernoulli(0.5) else thing(rng)
        be = Clause(subject, BE, (predicate(sample_adjective(rng, subject)),), be_tense(rng))
        return asked("yes-no question", be)
    clause, _ = inflected(rng, sample_clause(rng, simple=True))
    while clause.tense == "present" and not (clause.modal and clause.modal.german) and clause.verb.lemma not in COMMON:
        clause, _ = inflected(rng, sample_clause(rng, simple=True))
    return asked("yes-no question", clause)


def who(rng: RandomChoice) -> Sentence:
    """Who is reading the letter?"""
    clause, _ = inflected(rng, sample_clause(rng, subject=WHO, simple=True))
    return sentence("question for the subject", (clause.english(),), (clause.german(),), "?")


def whom(rng: RandomChoice) -> Sentence:
    """Whom is the boy helping? What is he reading?"""
    person = rng.bernoulli(0.55)
    asked_for = {"person"} if person else {"thing", "object", "food", "text"}
    verb = rng.balanced(
        tuple(
            each
            for case in ("accusative", "dative")
            for each in verbs_with((case,))
            if not asked_for.isdisjoint(each.complements[0].kinds)
        )
    )
    case = verb.complements[0].case
    clause = with_tense(rng, Clause(human_subject(rng, simple=True), verb))
    word: Pronoun = WHO if person else WHAT
    return asked("question for the object", clause, opener(Word(word.object), word.german(case)))


def which(rng: RandomChoice) -> Sentence:
    """Which letter is the boy reading? How many apples does he need?"""
    verb = rng.balanced(
        tuple(each for each in verbs_with(("accusative",)) if each.complements[0].kinds != ("language",))
    )
    noun = rng.balanced(nouns_of(verb.complements[0].kinds))
    many = noun.countable and rng.bernoulli(0.4)
    plural = many or (noun.countable and rng.bernoulli(0.3))
    what = sample_noun_phrase(rng, noun, opening=HOW_MANY if many else WHICH, plural=plural, richness=0.35)
    clause = Clause(human_subject(rng, simple=True), verb, (complement("accusative", what, "accusative"),))
    front = clause.constituents[0]
    return asked("which question", with_tense(rng, clause), front)


def why(rng: RandomChoice) -> Sentence:
    """Why, when and how often does the boy read the letter?"""
    clause = sample_clause(rng, simple=True)
    english, german = rng.balanced(ADVERBS)
    if english == "how often":
        habitual = not clause.verb.state and rng.bernoulli(0.6)
        clause = replace(clause, tense="present" if habitual else "past", habitual=True)
    elif english == "when":
        clause = replace(clause, tense="past" if clause.verb.state or rng.bernoulli(0.5) else "future")
    else:
        clause = with_tense(rng, clause)
        clause = clause.negated(clause.modal is None and rng.bernoulli(0.2))
    return asked("adverb question", clause, opener(invariant(english), invariant(german)))


def where(rng: RandomChoice) -> Sentence:
    """Where does the boy live? Where is he going?"""
    if rng.bernoulli(0.4):
        goers = tuple(verb for verb in (*MOTIONS, *JOURNEYS) if verb.lemma != "come")
        clause = with_tense(rng, Clause(human_subject(rng, simple=True), rng.balanced(goers)))
        return asked("place question", clause, opener(invariant("where"), invariant("wohin")))
    if rng.bernoulli(0.5):
        clause = Clause(human_subject(rng, simple=True), rng.balanced(STAYS))
    else:
        clause = sample_clause(rng, cases=rng.weighted({("accusative",): 1.0, (): 1.0}), person=True, simple=True)
    return asked("place question", with_tense(rng, clause), opener(invariant("where"), invariant("wo")))


def requesting(rng: RandomChoice) -> Sentence:
    """Please read the letter. Do not wait for me!"""
    clause = placing(rng, YOU) if rng.bernoulli(0.15) else sample_clause(rng, subject=YOU, simple=True)
    if clause.verb.state or clause.verb.lemma in NON_VOLITIONAL:
        return requesting(rng)
    clause = with_manner(rng, clause.negated(rng.bernoulli(0.25)))
    english, german = clause.english("imperative"), clause.german("imperative")
    if rng.bernoulli(0.6):
        return sentence("request", (Word("please"), english), (Word("bitte"), german))
    name = ProperName(rng.balanced(PEOPLE))
    return sentence("command", (name.english(), COMMA, english), (name.german("nominative"), COMMA, german), "!")


def suggesting(rng: RandomChoice) -> Sentence:
    """Let us read the letter!"""
    clause = sample_clause(rng, subject=WE, simple=True)
    if clause.verb.state or clause.verb.german.reflexive or clause.verb.lemma in NON_VOLITIONAL:
        return suggesting(rng)
    clause = with_manner(rng, clause)
    if rng.bernoulli(0.35):
        clause = clause.extended(adjuncts.time(rng, "future"))
    english = Phrase("clause", (*invariant("let us").parts, clause.english("imperative")))
    return sentence("suggestion", (english,), (*invariant("lass uns").parts, clause.german("bare")), "!")
