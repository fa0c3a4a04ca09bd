"""Coordinated main clauses: and, but, so."""

from dataclasses import replace

from phrasebook.constituents import Constituent, Tense
from phrasebook.nominals import resolve
from phrasebook.random_choice import RandomChoice
from phrasebook.sentence import Sentence, sentence
from phrasebook.subordination import copular_clause, dynamic_clause
from phrasebook.tree import COMMA, Word, invariant


def paired(rng: RandomChoice) -> Sentence:
    """Generate coordinated clauses: The man is singing, but his wife is sleeping."""
    link = rng.uniform((("and", "und"), ("but", "aber"), ("so", "also")))
    tense: Tense = rng.weighted({"present": 1.0, "past": 1.0, "future": 0.5})
    left, right = dynamic_clause(rng), dynamic_clause(rng)
    if link[0] == "but" and rng.bernoulli(0.4):
        right = copular_clause(rng)
    right = replace(right, subject=resolve(right.subject, left.subject))
    left = replace(left, tense=tense).negated(link[0] != "and" and rng.bernoulli(0.25))
    right = replace(right, tense=tense).negated(link[0] == "but" and not left.negative and rng.bernoulli(0.4))
    if link[0] == "so":
        front = Constituent("front", invariant(""), invariant("deshalb"))
        return sentence(
            "consequence",
            (left.english(), COMMA, Word("so"), right.english()),
            (left.german(), COMMA, right.german(front=front)),
        )
    comma = (COMMA,) if link[0] == "but" else ()
    return sentence(
        "coordination",
        (left.english(), COMMA, Word(link[0]), right.english()),
        (left.german(), *comma, Word(link[1]), right.german()),
    )
