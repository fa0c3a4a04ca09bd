"""Subordinate clauses: conjunctions, tenses, and pronouns that agree with their antecedent."""

import random
from collections import Counter

import pytest
from phrasebook.clauses import Clause
from phrasebook.constituents import complement
from phrasebook.copular import predicate
from phrasebook.determiners import POSSESSIVES, THE, Determiner, GradedAdjective
from phrasebook.lexicon import ADJECTIVES, BE, NOUNS, PEOPLE, VERBS, Verb
from phrasebook.nominals import (
    HE,
    SHE,
    THEY,
    WE,
    CoordinatedNominal,
    I,
    Nominal,
    NounPhrase,
    ProperName,
    anaphor,
    resolve,
)
from phrasebook.random_choice import RandomChoice
from phrasebook.sentence import Sentence
from phrasebook.subordination import attached
from phrasebook.tree import Phrase, Word, phrases, words

CONJUNCTIONS = {
    "because": "weil",
    "although": "obwohl",
    "while": "während",
    "after": "nachdem",
    "before": "bevor",
    "until": "bis",
    "if": "wenn",
}


def verb(lemma: str) -> Verb:
    return next(each for each in VERBS if each.lemma == lemma)


def noun(english: str, determiner: Determiner = THE, adjective: str = "", number: str = "singular") -> NounPhrase:
    (found,) = (each for each in NOUNS if each.english == english)
    adjectives = tuple(GradedAdjective(each) for each in ADJECTIVES if each.english == adjective)
    return NounPhrase(found, determiner, "plural" if number == "plural" else "singular", adjectives)


def tired(subject: Nominal) -> Clause:
    return Clause(subject, BE, (predicate(GradedAdjective(next(a for a in ADJECTIVES if a.english == "tired"))),))


OLD_DOG, CATS = noun("dog", THE, "old"), noun("cat", number="plural")


class Order(RandomChoice):
    """A random choice that puts the subordinate clause first, or last."""

    def __init__(self, initial: bool) -> None:
        super().__init__(1)
        self.initial = initial

    def bernoulli(self, probability: float) -> bool:
        return self.initial


@pytest.mark.parametrize(
    ("subject", "english", "german"),
    [
        (OLD_DOG, "The old dog is sleeping because it is tired.", "Der alte Hund schläft, weil er müde ist."),
        (noun("cat"), "The cat is sleeping because it is tired.", "Die Katze schläft, weil sie müde ist."),
        (noun("child"), "The child is sleeping because it is tired.", "Das Kind schläft, weil es müde ist."),
        (noun("girl"), "The girl is sleeping because she is tired.", "Das Mädchen schläft, weil es müde ist."),
        (noun("man"), "The man is sleeping because he is tired.", "Der Mann schläft, weil er müde ist."),
        (CATS, "The cats are sleeping because they are tired.", "Die Katzen schlafen, weil sie müde sind."),
        (ProperName(PEOPLE[0]), "Anna is sleeping because she is tired.", "Anna schläft, weil sie müde ist."),
    ],
)
def test_a_pronoun_has_the_natural_gender_in_english_and_that_of_the_noun_in_german(
    subject: Nominal, english: str, german: str
) -> None:
    main = Clause(subject, verb("sleep"))
    found = attached(Order(False), ("because", "weil"), main, tired(subject), anaphoric=True)
    assert (found.english, found.german) == (english, german)


def test_the_noun_stands_in_the_first_clause_and_the_pronoun_in_the_second() -> None:
    dog = noun("dog")
    found = attached(Order(True), ("because", "weil"), Clause(dog, verb("sleep")), tired(dog), anaphoric=True)
    assert found.english == "Because the dog is tired, it is sleeping."
    assert found.german == "Weil der Hund müde ist, schläft er."


def test_temporal_clauses_have_their_tenses() -> None:
    eaten = Clause(WE, verb("eat"), (complement("accusative", noun("soup"), "accusative"),), "pluperfect")
    found = attached(Order(True), ("after", "nachdem"), Clause(WE, verb("sleep"), (), "past"), eaten, anaphoric=False)
    assert found.english == "After we had eaten the soup, we slept."
    assert found.german == "Nachdem wir die Suppe gegessen hatten, haben wir geschlafen."
    arrived = Clause(noun("sister", POSSESSIVES[0]), verb("arrive"), (), "past")
    cooking = Clause(HE, verb("cook"), (), "past", progressive=True)
    found = attached(Order(True), ("when", "als"), cooking, arrived, anaphoric=False)
    assert found.english == "When my sister arrived, he was cooking."
    assert found.german == "Als meine Schwester angekommen ist, hat er gekocht."
    late = Clause(SHE, verb("get up"), (), "pluperfect")
    assert attached(Order(False), ("after", "nachdem"), Clause(HE, verb("sleep"), (), "past"), late, False).german == (
        "Er hat geschlafen, nachdem sie aufgestanden war."
    )


def test_anaphors_of_coordinations_and_free_pronouns() -> None:
    anna = ProperName(PEOPLE[0])
    assert anaphor(CoordinatedNominal(anna, noun("brother", POSSESSIVES[3]))) == THEY
    assert anaphor(CoordinatedNominal(anna, I, person=1)) == WE
    assert resolve(SHE, noun("girl")).german("nominative") == Word(
        "es", "pronoun", {"case": "nominative", "gender": "neuter", "number": "singular"}
    )
    assert resolve(HE, noun("girl")) == HE
    assert resolve(noun("dog"), anna) == noun("dog")


def test_it_has_the_gender_of_its_antecedent_in_every_generated_sentence(sentences: list[Sentence]) -> None:
    seen: Counter[str] = Counter()
    for sentence in sentences:
        if not sentence.construction.startswith("subordinate") or "it" not in words_of(sentence):
            continue
        first, second, *_ = surface_order(sentence)
        subjects = [
            found
            for clause in (first, second)
            if (found := next((p for p in clause.parts if p.features.get("case") == "nominative"), None))
        ]
        if len(subjects) < 2 or subjects[1].kind != "pronoun" or subjects[0].kind != "noun phrase":
            continue
        antecedent, pronoun = subjects
        if second.features["verb"] in ("rain", "snow") or antecedent.features["number"] == "plural":
            continue
        if pronoun.features["number"] == "singular" and second.features["person"] == "3":
            seen[antecedent.features["gender"]] += 1
            if antecedent.features["noun"] not in HUMAN:
                assert pronoun.features["gender"] == antecedent.features["gender"], sentence.german
    assert len(seen) == 3
    assert min(seen.values()) >= 5


HUMAN = {each.english for each in NOUNS if each.human and each.english not in ("child", "baby", "family")}


def words_of(sentence: Sentence) -> list[str]:
    return [word.text for word in words(sentence.english_tree)]


def surface_order(sentence: Sentence) -> list[Phrase]:
    """The German clauses in the order of their first words."""
    leaves = [id(word) for word in words(sentence.german_tree)]
    found = [clause for clause in phrases(sentence.german_tree, "clause") if clause.features["order"] != "infinitive"]
    return sorted(found, key=lambda clause: leaves.index(id(own_first(clause))))


def own_first(clause: Phrase) -> Word:
    """The first word of a clause outside a subordinate clause in its front field."""
    parts = (
        clause.parts[1:] if isinstance(clause.parts[0], Phrase) and clause.parts[0].kind == "front" else clause.parts
    )
    return words(parts[0])[0]


@pytest.mark.parametrize(("english", "german"), CONJUNCTIONS.items())
def test_every_conjunction_is_in_use(sentences: list[Sentence], english: str, german: str) -> None:
    subordinate = [each for each in sentences if each.construction.startswith("subordinate")]
    found = [each for each in subordinate if english in words_of(each)]
    assert len(found) > 10
    assert any(german in each.german.lower().split() for each in found)
    assert {each.construction for each in found} == {"subordinate first", "subordinate last"}


def test_clause_order_does_not_depend_on_the_conjunction() -> None:
    order = random.Random(1)
    for conjunction in CONJUNCTIONS.items():
        initial = order.random() < 0.5
        found = attached(Order(initial), conjunction, Clause(HE, verb("sleep")), tired(WE), anaphoric=False)
        assert found.english.lower().startswith(conjunction[0]) == initial
