"""Where German puts its verbs, its particles and its nicht, in every generated sentence."""

from collections.abc import Iterator

from phrasebook.sentence import Sentence
from phrasebook.tree import Node, Phrase, Word, phrases, words


def clauses(sentences: list[Sentence], order: str) -> Iterator[Phrase]:
    for sentence in sentences:
        for clause in phrases(sentence.german_tree, "clause"):
            if clause.features["order"] == order:
                yield clause


def inside(clause: Phrase) -> list[Node]:
    """The clause without the infinitive clauses that follow it."""
    return [part for part in clause.parts if not (isinstance(part, Phrase) and part.kind == "infinitive")]


def is_finite(node: Node) -> bool:
    return isinstance(node, Word) and node.kind == "finite"


def test_the_finite_verb_comes_second_in_main_clauses(sentences: list[Sentence]) -> None:
    found = list(clauses(sentences, "second"))
    assert len(found) > 3_000
    for clause in found:
        assert [is_finite(part) for part in clause.parts].index(True) == 1, clause


def test_the_subject_follows_the_verb_where_something_else_comes_first(sentences: list[Sentence]) -> None:
    inverted = 0
    for clause in clauses(sentences, "second"):
        first = clause.parts[0]
        if isinstance(first, Phrase) and first.kind in ("time", "frequency", "front"):
            inverted += 1
            subject = next(part for part in clause.parts[2:] if part.kind != "reflexive")
            assert subject.kind in ("noun phrase", "both", "name", "pronoun", "demonstrative", "indefinite"), clause
            assert subject.features.get("case", "nominative") == "nominative"
    assert inverted > 300


def test_the_finite_verb_comes_first_in_yes_no_questions_and_commands(sentences: list[Sentence]) -> None:
    for order in ("first", "imperative"):
        found = list(clauses(sentences, order))
        assert len(found) > 100
        assert all(is_finite(clause.parts[0]) for clause in found)


def test_the_finite_verb_comes_last_in_subordinate_clauses(sentences: list[Sentence]) -> None:
    found = list(clauses(sentences, "last"))
    assert len(found) > 500
    for clause in found:
        assert is_finite(inside(clause)[-1]), clause


def test_every_subordinate_clause_stands_behind_a_comma_or_opens_the_sentence(sentences: list[Sentence]) -> None:
    for sentence in sentences:
        for phrase in (*phrases(sentence.german_tree, "subordinate"), *phrases(sentence.german_tree, "infinitive")):
            first = words(phrase)[0]
            leaves = words(sentence.german_tree)
            at = next(index for index, leaf in enumerate(leaves) if leaf is first)
            assert at == 0 or leaves[at].text == "," or leaves[at - 1].text == ","


def test_separable_particles_end_main_clauses_and_join_the_verb_elsewhere(sentences: list[Sentence]) -> None:
    seen = {"end": 0, "joined": 0, "infinitive": 0}
    for sentence in sentences:
        for clause in phrases(sentence.german_tree, "clause"):
            particle, order = clause.features["particle"], clause.features["order"]
            if not particle:
                continue
            *_, last = (part for part in inside(clause) if isinstance(part, Word))
            alone = [word for word in clause.parts if isinstance(word, Word) and word.kind == "particle"]
            if order == "infinitive":
                seen["infinitive"] += 1
                assert last.text.startswith(particle + "zu")
            elif alone:
                seen["end"] += 1
                assert order in ("second", "first", "imperative")
                assert inside(clause)[-1] == Word(particle, "particle")
            else:
                seen["joined"] += 1
                closing = [
                    part.text for part in clause.parts if isinstance(part, Word) and part.kind in ("verb", "finite")
                ]
                assert any(text.startswith(particle) for text in closing), clause
    assert min(seen.values()) > 10, seen


def test_a_participle_or_infinitive_closes_the_bracket(sentences: list[Sentence]) -> None:
    for order in ("second", "first"):
        for clause in clauses(sentences, order):
            verbs = [part for part in clause.parts if isinstance(part, Word) and part.kind == "verb"]
            if verbs and not clause.features["passive"]:
                assert inside(clause)[-1] is verbs[-1]


def test_object_pronouns_come_before_every_noun_but_the_subject(sentences: list[Sentence]) -> None:
    seen = 0
    for sentence in sentences:
        for clause in phrases(sentence.german_tree, "clause"):
            roles = [
                part for part in clause.parts if isinstance(part, Phrase) and part.kind in ("accusative", "dative")
            ]
            kinds = [words(role)[0].kind == "pronoun" for role in roles]
            seen += any(kinds)
            assert kinds == sorted(kinds, reverse=True), clause
    assert seen > 100


def test_nicht_follows_objects_and_times_and_precedes_places(sentences: list[Sentence]) -> None:
    seen = 0
    for sentence in sentences:
        for clause in phrases(sentence.german_tree, "clause"):
            kinds = [part.kind for part in clause.parts]
            if "negation" not in kinds:
                continue
            seen += 1
            at = kinds.index("negation")
            middle = clause.parts[1:]
            for part in middle:
                if isinstance(part, Phrase) and part.kind in ("accusative", "dative", "time"):
                    assert clause.parts.index(part) < at
                if isinstance(part, Phrase) and part.kind in ("place", "direction", "predicate", "prepositional"):
                    assert clause.parts.index(part) > at
    assert seen > 100


def test_an_indefinite_object_is_negated_by_kein_and_never_by_nicht(sentences: list[Sentence]) -> None:
    for sentence in sentences:
        for clause in phrases(sentence.german_tree, "clause"):
            if any(isinstance(part, Word) and part.kind == "negation" for part in clause.parts):
                for part in clause.parts:
                    if isinstance(part, Phrase) and part.kind == "accusative":
                        (inner,) = part.parts
                        owned = isinstance(inner, Phrase) and inner.parts[0].kind == "name"
                        assert owned or inner.features.get("determiner", "d") not in ("ein", "")
