"""A sentence in both languages, with its trees."""

from dataclasses import dataclass
from functools import cache, cached_property

from phrasebook.lexicon import VERBS, nouns_of
from phrasebook.tree import Node, Phrase, Word, frame, linearize, phrases

Combination = tuple[str, str, str]
AUXILIARY_VERBS = ("be", "have")  # too frequent to hold out with a conjunction


@cache
def verbs_with_many_objects() -> frozenset[str]:
    """Return the verbs with so many possible objects that some of them can be held out."""
    lists = {(verb.lemma, each.kinds) for verb in VERBS for each in verb.complements}
    return frozenset(lemma for lemma, kinds in lists if len(nouns_of(kinds)) >= 12)


@dataclass(frozen=True)
class Sentence:
    """An English sentence and its German translation."""

    construction: str
    english_tree: Phrase
    german_tree: Phrase

    @cached_property
    def english(self) -> str:
        """The English text."""
        return linearize(self.english_tree)

    @cached_property
    def german(self) -> str:
        """The German text."""
        return linearize(self.german_tree)

    @cached_property
    def frame(self) -> str:
        """The English sentence with its open-class words replaced by their class."""
        return frame(self.english_tree)

    @cached_property
    def combinations(self) -> frozenset[Combination]:
        """Its pairs of words: adjective and noun, verb and object, verb and conjunction."""
        found: set[Combination] = set()
        for phrase in phrases(self.german_tree, "noun phrase"):
            noun, adjectives = phrase.features["noun"], phrase.features["adjectives"]
            found |= {("adjective noun", adjective, noun) for adjective in adjectives.split(",") if adjective}
        for clause in phrases(self.german_tree, "clause"):
            verb, thing, conjunction = (clause.features[key] for key in ("verb", "object", "conjunction"))
            if thing and verb in verbs_with_many_objects():
                found.add(("verb object", verb, thing))
            if conjunction and verb not in AUXILIARY_VERBS:
                found.add(("conjunction verb", conjunction, verb))
        return frozenset(found)


def sentence(construction: str, english: tuple[Node, ...], german: tuple[Node, ...], mark: str = ".") -> Sentence:
    """Return the sentence of both sides and a final mark."""
    end = Word(mark, "mark")
    return Sentence(construction, Phrase("sentence", (*english, end)), Phrase("sentence", (*german, end)))
