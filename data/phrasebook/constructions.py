"""All constructions with their relative frequencies."""

from collections.abc import Callable

from phrasebook import (
    comparison,
    complement_clauses,
    contractions,
    coordination,
    copular,
    copular_questions,
    declaratives,
    existence,
    experiencers,
    imperatives,
    questions,
    relative_clauses,
    set_phrases,
    subordination,
)
from phrasebook.random_choice import RandomChoice
from phrasebook.sentence import Sentence

CONSTRUCTIONS: dict[Callable[[RandomChoice], Sentence], float] = {
    declaratives.intransitive: 5,
    declaratives.transitive: 13,
    declaratives.quantified: 2.5,
    declaratives.dative: 3,
    declaratives.ditransitive: 5,
    declaratives.with_preposition: 4.5,
    declaratives.motion: 5,
    declaratives.staying: 4,
    declaratives.putting: 2,
    declaratives.appointed: 2,
    declaratives.passive: 3,
    declaratives.indefinite: 2,
    declaratives.durative: 2.5,
    declaratives.lasted: 1.5,
    declaratives.discourse: 5,
    copular.describing: 4,
    copular.being: 1.5,
    copular.locating: 3,
    copular.linking: 3,
    copular.identifying: 3,
    copular.naming: 1.5,
    copular_questions.copular_question: 6,
    experiencers.experiencing: 1.5,
    experiencers.ailing: 2.5,
    comparison.comparing: 3,
    comparison.exclaiming: 1,
    comparison.preferring: 2,
    existence.existing: 3,
    existence.price: 2,
    existence.age: 1,
    existence.weather: 2,
    existence.clocked: 1.5,
    questions.yes_no: 7,
    questions.subject_question: 2,
    questions.object_question: 4,
    questions.activity: 1,
    questions.wish: 2.5,
    questions.which: 2.5,
    questions.which_subject: 1,
    questions.adverbial: 5,
    questions.companion: 1,
    questions.place_question: 3,
    questions.polite_request: 4,
    imperatives.requesting: 4.5,
    imperatives.suggesting: 2,
    imperatives.offering: 1,
    subordination.conjoined: 16,
    subordination.about_object: 2.5,
    complement_clauses.claiming: 3.5,
    complement_clauses.attitude: 1.5,
    complement_clauses.wondering: 4,
    complement_clauses.trying: 2.5,
    complement_clauses.intending: 1.5,
    complement_clauses.imagining: 2,
    relative_clauses.related: 4,
    coordination.paired: 3,
    set_phrases.formula: 1,
}


def compose(rng: RandomChoice) -> Sentence:
    """Return one more sentence, rarely with an interjection, a form of address or English contractions."""
    composed = rng.weighted(CONSTRUCTIONS)(rng)
    composed = set_phrases.addressed(rng, composed) if rng.bernoulli(0.05) else composed
    return contractions.contracted(composed) if rng.bernoulli(0.2) else composed
