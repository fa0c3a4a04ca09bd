"""All the ways to build a sentence, and how often each is taken."""

from collections.abc import Callable

from phrasebook import asking, being, linking, relating, simple
from phrasebook.chance import Chance
from phrasebook.sentence import Sentence

BUILDERS: dict[Callable[[Chance], Sentence], float] = {
    simple.intransitive: 4,
    simple.transitive: 15,
    simple.quantified: 3,
    simple.dative: 4,
    simple.ditransitive: 6,
    simple.with_preposition: 5,
    simple.motion: 4,
    simple.staying: 4,
    simple.putting: 3,
    being.describing: 4,
    being.being: 2,
    being.comparing: 4,
    being.existing: 3,
    being.counting: 2,
    being.weather: 1.5,
    being.clocked: 0.5,
    simple.appointed: 3,
    simple.passive: 4,
    being.exclaiming: 1.5,
    being.preferring: 2,
    asking.whether: 4,
    asking.who: 2.5,
    asking.whom: 2,
    asking.which: 3,
    asking.why: 3,
    asking.where: 2,
    asking.requesting: 6,
    asking.suggesting: 2,
    linking.conjoined: 8,
    linking.claiming: 4,
    linking.wondering: 3,
    linking.trying: 4,
    linking.intending: 2,
    relating.related: 5,
    linking.paired: 3,
    linking.imagining: 2.5,
}


def compose(chance: Chance) -> Sentence:
    """One more sentence."""
    return chance.weighted(BUILDERS)(chance)
