"""Questions and requests."""

from dataclasses import replace
from typing import Literal

from phrasebook import circumstances
from phrasebook.being import be_tense, predicate, quality_of, thing
from phrasebook.chance import Chance
from phrasebook.clauses import Clause
from phrasebook.constituents import CAN, SHOULD, WANT, Constituent, Tense, complement
from phrasebook.determiners import MANY_OF_WHAT, WHICH
from phrasebook.events import animate, dressed, event, placing, with_manner
from phrasebook.idiom import COMMON, UNWILLED
from phrasebook.lexicon import BE, JOURNEYS, MOTIONS, PEOPLE, STAYS, nouns_of, verbs_with
from phrasebook.nominals import WE, WHAT, WHO, YOU, Named, Pronoun
from phrasebook.sampling import described, somebody
from phrasebook.sentence import Sentence, sentence
from phrasebook.tree import COMMA, Node, Phrase, Word, plain

ADVERBS = (("why", "warum"), ("when", "wann"), ("how often", "wie oft"))


def opener(english: Node, german: Node) -> Constituent:
    """What stands before the finite verb of a question."""
    return Constituent("front", english, german)


def timeless(chance: Chance, clause: Clause) -> Clause:
    """The clause with a tense and nothing else."""
    if clause.verb.state:
        return replace(clause, tense="present" if chance.happens(0.5) else "past")
    tense: Tense | Literal["modal"] = chance.weighted({"present": 3.0, "past": 4.0, "future": 2.0, "modal": 2.5})
    if tense == "modal":
        return replace(clause, modal=chance.pick((CAN, SHOULD, WANT) if animate(clause.subject) else (CAN,)))
    return replace(clause, tense=tense)


def asked(construction: str, clause: Clause, front: Constituent | None = None) -> Sentence:
    """A clause as a question."""
    english = clause.english("question", front)
    german = clause.german("second" if front else "first", front)
    return sentence(construction, (english,), (german,), "?")


def whether(chance: Chance) -> Sentence:
    """Is the boy reading the letter?"""
    if chance.happens(0.2):
        subject = somebody(chance, simple=True) if chance.happens(0.5) else thing(chance)
        be = Clause(subject, BE, (predicate(quality_of(chance, subject)),), be_tense(chance))
        return asked("yes-no question", be)
    clause, _ = dressed(chance, event(chance, simple=True))
    while clause.tense == "present" and not (clause.modal and clause.modal.german) and clause.verb.lemma not in COMMON:
        clause, _ = dressed(chance, event(chance, simple=True))
    return asked("yes-no question", clause)


def who(chance: Chance) -> Sentence:
    """Who is reading the letter?"""
    clause, _ = dressed(chance, event(chance, subject=WHO, simple=True))
    return sentence("question for the subject", (clause.english(),), (clause.german(),), "?")


def whom(chance: Chance) -> Sentence:
    """Whom is the boy helping? What is he reading?"""
    person = chance.happens(0.55)
    asked_for = {"person"} if person else {"thing", "object", "food", "text"}
    verb = chance.pick(
        tuple(
            each
            for case in ("accusative", "dative")
            for each in verbs_with((case,))
            if not asked_for.isdisjoint(each.complements[0].kinds)
        )
    )
    case = verb.complements[0].case
    clause = timeless(chance, Clause(somebody(chance, simple=True), verb))
    word: Pronoun = WHO if person else WHAT
    return asked("question for the object", clause, opener(Word(word.object), word.german(case)))


def which(chance: Chance) -> Sentence:
    """Which letter is the boy reading? How many apples does he need?"""
    verb = chance.pick(
        tuple(each for each in verbs_with(("accusative",)) if each.complements[0].kinds != ("language",))
    )
    noun = chance.pick(nouns_of(verb.complements[0].kinds))
    many = noun.countable and chance.happens(0.4)
    plural = many or (noun.countable and chance.happens(0.3))
    what = described(chance, noun, opening=MANY_OF_WHAT if many else WHICH, plural=plural, richness=0.35)
    clause = Clause(somebody(chance, simple=True), verb, (complement("accusative", what, "accusative"),))
    front = clause.constituents[0]
    return asked("which question", timeless(chance, clause), front)


def why(chance: Chance) -> Sentence:
    """Why, when and how often does the boy read the letter?"""
    clause = event(chance, simple=True)
    english, german = chance.pick(ADVERBS)
    if english == "how often":
        habitual = not clause.verb.state and chance.happens(0.6)
        clause = replace(clause, tense="present" if habitual else "past", habitual=True)
    elif english == "when":
        clause = replace(clause, tense="past" if clause.verb.state or chance.happens(0.5) else "future")
    else:
        clause = timeless(chance, clause)
        clause = clause.denied(clause.modal is None and chance.happens(0.2))
    return asked("adverb question", clause, opener(plain(english), plain(german)))


def where(chance: Chance) -> Sentence:
    """Where does the boy live? Where is he going?"""
    if chance.happens(0.4):
        goers = tuple(verb for verb in (*MOTIONS, *JOURNEYS) if verb.lemma != "come")
        clause = timeless(chance, Clause(somebody(chance, simple=True), chance.pick(goers)))
        return asked("place question", clause, opener(plain("where"), plain("wohin")))
    if chance.happens(0.5):
        clause = Clause(somebody(chance, simple=True), chance.pick(STAYS))
    else:
        clause = event(chance, cases=chance.weighted({("accusative",): 1.0, (): 1.0}), person=True, simple=True)
    return asked("place question", timeless(chance, clause), opener(plain("where"), plain("wo")))


def requesting(chance: Chance) -> Sentence:
    """Please read the letter. Do not wait for me!"""
    clause = placing(chance, YOU) if chance.happens(0.15) else event(chance, subject=YOU, simple=True)
    if clause.verb.state or clause.verb.lemma in UNWILLED:
        return requesting(chance)
    clause = with_manner(chance, clause.denied(chance.happens(0.25)))
    english, german = clause.english("imperative"), clause.german("imperative")
    if chance.happens(0.6):
        return sentence("request", (Word("please"), english), (Word("bitte"), german))
    name = Named(chance.pick(PEOPLE))
    return sentence("command", (name.english(), COMMA, english), (name.german("nominative"), COMMA, german), "!")


def suggesting(chance: Chance) -> Sentence:
    """Let us read the letter!"""
    clause = event(chance, subject=WE, simple=True)
    if clause.verb.state or clause.verb.german.reflexive or clause.verb.lemma in UNWILLED:
        return suggesting(chance)
    clause = with_manner(chance, clause)
    if chance.happens(0.35):
        clause = clause.having(circumstances.time(chance, "future"))
    english = Phrase("clause", (*plain("let us").parts, clause.english("imperative")))
    return sentence("suggestion", (english,), (*plain("lass uns").parts, clause.german("bare")), "!")
