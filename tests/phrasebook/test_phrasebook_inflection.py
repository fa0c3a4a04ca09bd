"""Inflection, word by word, against forms written down by hand."""

import pytest
from phrasebook import english
from phrasebook.determiners import ALL, EVERY, NO, NONE, POSSESSIVES, THE, THIS, A, Determiner, GradedAdjective
from phrasebook.lexicon import ADJECTIVES, NOUNS, VERBS
from phrasebook.nominals import NounPhrase
from phrasebook.tree import linearize

MY = POSSESSIVES[0]


def noun_phrase(determiner: Determiner, adjective: str, noun: str, number: str = "singular") -> NounPhrase:
    (found,) = (each for each in NOUNS if each.english == noun)
    adjectives = tuple(GradedAdjective(each) for each in ADJECTIVES if each.english == adjective)
    return NounPhrase(found, determiner, "plural" if number == "plural" else "singular", adjectives)


@pytest.mark.parametrize(
    ("phrase", "case", "expected"),
    [
        (noun_phrase(THE, "old", "dog"), "nominative", "Der alte Hund"),
        (noun_phrase(THE, "old", "dog"), "accusative", "Den alten Hund"),
        (noun_phrase(THE, "old", "dog"), "dative", "Dem alten Hund"),
        (noun_phrase(THE, "old", "dog"), "genitive", "Des alten Hundes"),
        (noun_phrase(THE, "old", "dog", "plural"), "nominative", "Die alten Hunde"),
        (noun_phrase(THE, "old", "dog", "plural"), "dative", "Den alten Hunden"),
        (noun_phrase(THE, "old", "dog", "plural"), "genitive", "Der alten Hunde"),
        (noun_phrase(A, "small", "child"), "nominative", "Ein kleines Kind"),
        (noun_phrase(A, "small", "child"), "dative", "Einem kleinen Kind"),
        (noun_phrase(A, "small", "child"), "genitive", "Eines kleinen Kindes"),
        (noun_phrase(A, "beautiful", "flower"), "accusative", "Eine schöne Blume"),
        (noun_phrase(A, "beautiful", "flower"), "dative", "Einer schönen Blume"),
        (noun_phrase(A, "heavy", "suitcase"), "nominative", "Ein schwerer Koffer"),
        (noun_phrase(A, "heavy", "suitcase"), "accusative", "Einen schweren Koffer"),
        (noun_phrase(NO, "cold", "water"), "accusative", "Kein kaltes Wasser"),
        (noun_phrase(NO, "red", "apple", "plural"), "accusative", "Keine roten Äpfel"),
        (noun_phrase(NONE, "cold", "water"), "accusative", "Kaltes Wasser"),
        (noun_phrase(NONE, "cold", "water"), "dative", "Kaltem Wasser"),
        (noun_phrase(NONE, "hot", "tea"), "accusative", "Heißen Tee"),
        (noun_phrase(NONE, "fresh", "milk"), "dative", "Frischer Milch"),
        (noun_phrase(NONE, "expensive", "wine"), "genitive", "Teuren Weines"),
        (noun_phrase(NONE, "red", "apple", "plural"), "genitive", "Roter Äpfel"),
        (noun_phrase(THE, "young", "student"), "dative", "Dem jungen Studenten"),
        (noun_phrase(A, "young", "student"), "nominative", "Ein junger Student"),
        (noun_phrase(THIS, "high", "mountain"), "nominative", "Dieser hohe Berg"),
        (noun_phrase(THIS, "dark", "forest"), "dative", "Diesem dunklen Wald"),
        (noun_phrase(EVERY, "small", "child"), "accusative", "Jedes kleine Kind"),
        (noun_phrase(ALL, "new", "car", "plural"), "dative", "Allen neuen Autos"),
        (noun_phrase(MY, "new", "car"), "accusative", "Mein neues Auto"),
        (noun_phrase(POSSESSIVES[4], "old", "neighbor"), "accusative", "Unseren alten Nachbarn"),
    ],
)
def test_noun_phrases_decline_as_a_grammar_book_says(phrase: NounPhrase, case: str, expected: str) -> None:
    assert linearize(phrase.german(case)) == expected  # type: ignore[arg-type]


def test_weak_nouns_end_in_n_outside_the_nominative() -> None:
    (boy,) = (each.german for each in NOUNS if each.english == "boy")
    assert [boy.form(case, "singular") for case in ("nominative", "accusative", "dative", "genitive")] == [
        "Junge",
        "Jungen",
        "Jungen",
        "Jungen",
    ]


@pytest.mark.parametrize(
    ("lemma", "present", "participle", "imperative", "zu_infinitive"),
    [
        ("read", "lese liest liest lesen lest lesen", "gelesen", "lies", "zu lesen"),
        ("wait", "warte wartest wartet warten wartet warten", "gewartet", "warte", "zu warten"),
        ("draw", "zeichne zeichnest zeichnet zeichnen zeichnet zeichnen", "gezeichnet", "zeichne", "zu zeichnen"),
        ("carry", "trage trägst trägt tragen tragt tragen", "getragen", "trage", "zu tragen"),
        ("invite", "lade lädst lädt laden ladet laden", "eingeladen", "lade", "einzuladen"),
        ("sell", "verkaufe verkaufst verkauft verkaufen verkauft verkaufen", "verkauft", "verkaufe", "zu verkaufen"),
        ("smile", "lächle lächelst lächelt lächeln lächelt lächeln", "gelächelt", "lächle", "zu lächeln"),
        ("feed", "füttere fütterst füttert füttern füttert füttern", "gefüttert", "füttere", "zu füttern"),
        (
            "try on",
            "probiere probierst probiert probieren probiert probieren",
            "anprobiert",
            "probiere",
            "anzuprobieren",
        ),
        ("play", "spiele spielst spielt spielen spielt spielen", "gespielt", "spiele", "zu spielen"),
        ("kiss", "küsse küsst küsst küssen küsst küssen", "geküsst", "küsse", "zu küssen"),
        ("have", "habe hast hat haben habt haben", "gehabt", "habe", "zu haben"),
        ("help", "helfe hilfst hilft helfen helft helfen", "geholfen", "hilf", "zu helfen"),
    ],
)
def test_verbs_conjugate_as_a_grammar_book_says(
    lemma: str, present: str, participle: str, imperative: str, zu_infinitive: str
) -> None:
    verb = next(each.german for each in VERBS if each.lemma == lemma)
    forms = [verb.present(person, number) for number in ("singular", "plural") for person in (1, 2, 3)]  # type: ignore[arg-type]
    assert (" ".join(forms), verb.participle, " ".join(verb.zu_infinitive)) == (present, participle, zu_infinitive)
    assert verb.imperative == imperative


@pytest.mark.parametrize(
    ("word", "plural", "progressive", "past"),
    [
        ("carry", "carries", "carrying", "carried"),
        ("kiss", "kisses", "kissing", "kissed"),
        ("plan", "plans", "planning", "planned"),
    ],
)
def test_english_spelling_follows_its_rules(word: str, plural: str, progressive: str, past: str) -> None:
    assert (english.with_s(word), english.with_ing(word), english.with_ed(word)) == (plural, progressive, past)


def test_comparison_is_short_for_short_adjectives_only() -> None:
    degrees = [english.compared(word, "er") for word in ("big", "old", "brave", "heavy", "boring")]
    assert degrees == ["bigger", "older", "braver", "heavier", "more boring"]


def test_german_comparatives_change_their_vowel_where_they_must() -> None:
    found = {each.english: (each.comparative, each.superlative) for each in ADJECTIVES}
    assert found["old"] == ("älter", "ältest")
    assert found["high"] == ("höher", "höchst")
    assert found["expensive"] == ("teurer", "teuerst")
    assert found["interesting"] == ("interessanter", "interessantest")


def test_every_noun_has_one_english_name() -> None:
    names = [name for noun in NOUNS for name in {noun.english, noun.english_plural}]
    assert len(names) == len(set(names))
