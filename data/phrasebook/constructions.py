"""All the ways to build a sentence, and how often each is taken."""

from collections.abc import Callable

from phrasebook import complex_sentences, copular, declaratives, questions, relative_clauses
from phrasebook.random_choice import RandomChoice
from phrasebook.sentence import Sentence

BUILDERS: dict[Callable[[RandomChoice], Sentence], float] = {
    declaratives.intransitive: 4,
    declaratives.transitive: 15,
    declaratives.quantified: 3,
    declaratives.dative: 4,
    declaratives.ditransitive: 6,
    declaratives.with_preposition: 5,
    declaratives.motion: 4,
    declaratives.staying: 4,
    declaratives.putting: 3,
    copular.describing: 4,
    copular.being: 2,
    copular.comparing: 4,
    copular.existing: 3,
    copular.counting: 2,
    copular.weather: 1.5,
    copular.clocked: 0.5,
    declaratives.appointed: 3,
    declaratives.passive: 4,
    copular.exclaiming: 1.5,
    copular.preferring: 2,
    questions.whether: 4,
    questions.who: 2.5,
    questions.whom: 2,
    questions.which: 3,
    questions.why: 3,
    questions.where: 2,
    questions.requesting: 6,
    questions.suggesting: 2,
    complex_sentences.conjoined: 8,
    complex_sentences.claiming: 4,
    complex_sentences.wondering: 3,
    complex_sentences.trying: 4,
    complex_sentences.intending: 2,
    relative_clauses.related: 5,
    complex_sentences.paired: 3,
    complex_sentences.imagining: 2.5,
}


def compose(rng: RandomChoice) -> Sentence:
    """One more sentence."""
    return rng.weighted(BUILDERS)(rng)
