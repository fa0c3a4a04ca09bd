"""Whole sentences, built by the grammar and known by heart."""

import pytest
from phrasebook.adjuncts import adjunct, governed, location, prepositional
from phrasebook.clauses import Clause
from phrasebook.constituents import CAN, HAVE, LIKE, WANT, WOULD_LIKE, Constituent, complement
from phrasebook.determiners import NONE, POSSESSIVES, THE, A, Determiner, GradedAdjective, counted
from phrasebook.german import Case
from phrasebook.lexicon import ADJECTIVES, BE, EXIST, MOTIONS, NOUNS, PEOPLE, PLACINGS, POSITIONS, VERBS, Verb
from phrasebook.nominals import HE, SHE, THERE, THEY, WE, WHO, YOU, I, Nominal, NounPhrase, ProperName
from phrasebook.tree import Phrase, Word, invariant, linearize

ANNA = ProperName(PEOPLE[0])
TODAY = adjunct("time", "today", "heute")
YESTERDAY = adjunct("time", "yesterday", "gestern")
OFTEN = adjunct("frequency", "often", "oft")


def verb(lemma: str, among: tuple[Verb, ...] = VERBS) -> Verb:
    return next(each for each in among if each.lemma == lemma)


def thing(noun: str, determiner: Determiner = THE, adjective: str = "", number: str = "singular") -> NounPhrase:
    (found,) = (each for each in NOUNS if each.english == noun)
    adjectives = tuple(GradedAdjective(each) for each in ADJECTIVES if each.english == adjective)
    return NounPhrase(found, determiner, "plural" if number == "plural" else "singular", adjectives)


def takes(nominal: Nominal, case: Case = "accusative") -> Constituent:
    return complement(case, nominal, case)


def behind(lemma: str, nominal: Nominal) -> Constituent:
    return governed(verb(lemma).complements[0], nominal)


DOG, MAN, CHILD, BOOK = thing("dog"), thing("man"), thing("child"), thing("book")
MY_BROTHER = thing("brother", POSSESSIVES[0])
READS = Clause(MAN, verb("read"), (takes(BOOK),))
OPENS = Clause(ANNA, verb("open"), (takes(thing("window")),))
GIVES = Clause(MAN, verb("give"), (takes(CHILD, "dative"), takes(thing("apple", A))))
HURRIES = Clause(WE, verb("hurry"))
WAITS = Clause(THEY, verb("wait"), (behind("wait", thing("bus")),))
ONTO_THE_TABLE = prepositional("direction", "on", "auf", thing("table"), "accusative")
INTO_THE_PARK = prepositional("direction", "into", "in", thing("park"), "accusative")
BY_MY_BROTHER = prepositional("agent", "by", "von", MY_BROTHER, "dative")
OLD = Constituent("predicate", Word("old"), Word("alt"))


STATEMENTS = [
    (READS, "the man is reading the book", "der Mann liest das Buch"),
    (Clause(MAN, verb("read"), (takes(BOOK),), habitual=True), "the man reads the book", "der Mann liest das Buch"),
    (Clause(MAN, verb("read"), (takes(BOOK),), "past"), "the man read the book", "der Mann hat das Buch gelesen"),
    (Clause(SHE, verb("get up"), (), "past"), "she got up", "sie ist aufgestanden"),
    (OPENS, "Anna is opening the window", "Anna macht das Fenster auf"),
    (Clause(ANNA, verb("pick up"), (takes(HE),)), "Anna is picking him up", "Anna holt ihn ab"),
    (Clause(ANNA, verb("look at"), (takes(HE),)), "Anna is looking at him", "Anna sieht ihn an"),
    (GIVES, "the man is giving the child an apple", "der Mann gibt dem Kind einen Apfel"),
    (Clause(I, verb("help"), (takes(SHE, "dative"),), "past"), "I helped her", "ich habe ihr geholfen"),
    (HURRIES, "we are hurrying", "wir beeilen uns"),
    (Clause(YOU, verb("rest"), (), "future"), "you will rest", "du wirst dich ausruhen"),
    (
        Clause(THEY, verb("wait"), (behind("wait", thing("bus")),)),
        "they are waiting for the bus",
        "sie warten auf den Bus",
    ),
    (Clause(HE, verb("dream"), (behind("dream", DOG),)), "he is dreaming of the dog", "er träumt vom Hund"),
    (Clause(HE, verb("sing"), modal=LIKE), "he likes to sing", "er singt gern"),
    (Clause(HE, verb("sing"), modal=WOULD_LIKE), "he would like to sing", "er möchte singen"),
    (Clause(HE, verb("sing"), (), "past", HAVE), "he had to sing", "er musste singen"),
    (Clause(HE, verb("sing"), (OFTEN,), habitual=True), "he often sings", "er singt oft"),
    (
        Clause(HE, verb("sing"), modal=WANT, negative=True),
        "he does not want to sing",
        "er will nicht singen",
    ),
    (
        Clause(I, verb("have"), (takes(thing("dog", A)),), negative=True),
        "I do not have a dog",
        "ich habe keinen Hund",
    ),
    (
        Clause(WE, verb("buy"), (takes(thing("bread", NONE)),), "past", negative=True),
        "we did not buy bread",
        "wir haben kein Brot gekauft",
    ),
    (
        Clause(WE, verb("buy"), (takes(BOOK), TODAY), negative=True),
        "we are not buying the book today",
        "wir kaufen heute das Buch nicht",
    ),
    (
        Clause(MAN, verb("sleep"), (location(thing("garden")),), negative=True),
        "the man is not sleeping in the garden",
        "der Mann schläft nicht im Garten",
    ),
    (
        Clause(
            HE,
            verb("put", PLACINGS),
            (takes(BOOK), prepositional("direction", "on", "auf", thing("table"), "accusative")),
        ),
        "he is putting the book on the table",
        "er legt das Buch auf den Tisch",
    ),
    (
        Clause(BOOK, verb("lie", POSITIONS), (prepositional("place", "on", "auf", thing("table"), "dative"),)),
        "the book is lying on the table",
        "das Buch liegt auf dem Tisch",
    ),
    (
        Clause(
            HE, verb("go", MOTIONS), (prepositional("direction", "into", "in", thing("park"), "accusative"),), "past"
        ),
        "he went into the park",
        "er ist in den Park gegangen",
    ),
    (
        Clause(
            thing("house"),
            verb("build"),
            (prepositional("agent", "by", "von", MY_BROTHER, "dative"),),
            "past",
            passive=True,
        ),
        "the house was built by my brother",
        "das Haus wurde von meinem Bruder gebaut",
    ),
    (
        Clause(thing("door"), verb("close"), modal=CAN, passive=True),
        "the door can be closed",
        "die Tür kann zugemacht werden",
    ),
    (
        Clause(THERE, EXIST, (takes(thing("lake", A, "small")), location(thing("forest")))),
        "there is a small lake in the forest",
        "es gibt einen kleinen See im Wald",
    ),
    (
        Clause(WE, verb("see"), (takes(thing("bear", counted("three", "drei"), "big", "plural")),)),
        "we see three big bears",
        "wir sehen drei große Bären",
    ),
    (Clause(thing("bridge"), BE, (OLD,)), "the bridge is old", "die Brücke ist alt"),
]


@pytest.mark.parametrize(("clause", "english", "german"), STATEMENTS)
def test_statements_read_as_both_languages_have_them(clause: Clause, english: str, german: str) -> None:
    assert linearize(clause.english()) == english[0].upper() + english[1:]
    assert linearize(clause.german()) == german[0].upper() + german[1:]


def test_a_present_that_looks_like_a_past_is_never_written() -> None:
    assert linearize(Clause(I, verb("read"), habitual=True).english()) == "I am reading"
    assert linearize(Clause(HE, verb("read"), habitual=True).english()) == "He reads"
    assert linearize(Clause(I, verb("read"), (), "past").english()) == "I read"


def test_what_comes_first_turns_subject_and_verb_round_in_german_only() -> None:
    clause = Clause(MAN, verb("read"), (takes(BOOK), YESTERDAY), "past")
    assert linearize(clause.english(front=YESTERDAY)) == "Yesterday the man read the book"
    assert linearize(clause.german(front=YESTERDAY)) == "Gestern hat der Mann das Buch gelesen"


@pytest.mark.parametrize(
    ("clause", "german"),
    [
        (READS, "Der Mann das Buch liest"),
        (OPENS, "Anna das Fenster aufmacht"),
        (Clause(HE, verb("get up"), (), "past"), "Er aufgestanden ist"),
        (Clause(MAN, verb("hurry")), "Sich der Mann beeilt"),
        (Clause(HE, verb("sing"), modal=CAN), "Er singen kann"),
        (Clause(MAN, verb("see"), (takes(SHE),)), "Der Mann sie sieht"),
    ],
)
def test_subordinate_clauses_end_with_their_finite_verb(clause: Clause, german: str) -> None:
    assert linearize(clause.german("last")) == german


@pytest.mark.parametrize(
    ("clause", "english", "german"),
    [
        (READS, "Is the man reading the book", "Liest der Mann das Buch"),
        (OPENS, "Is Anna opening the window", "Macht Anna das Fenster auf"),
        (Clause(YOU, verb("have"), (takes(BOOK),)), "Do you have the book", "Hast du das Buch"),
        (Clause(SHE, verb("come back"), (), "past"), "Did she come back", "Ist sie zurückgekommen"),
    ],
)
def test_questions_begin_with_their_finite_verb(clause: Clause, english: str, german: str) -> None:
    assert linearize(clause.english("question")) == english
    assert linearize(clause.german("first")) == german


def test_infinitives_put_zu_between_particle_and_verb() -> None:
    assert linearize(OPENS.english("infinitive")) == "To open the window"
    assert linearize(OPENS.german("infinitive")) == "Das Fenster aufzumachen"
    assert linearize(READS.german("infinitive")) == "Das Buch zu lesen"


def test_commands_use_the_imperative() -> None:
    assert linearize(OPENS.german("imperative")) == "Mache das Fenster auf"
    assert linearize(READS.german("imperative")) == "Lies das Buch"
    assert linearize(Clause(YOU, verb("hurry")).german("imperative")) == "Beeile dich"


def test_the_subject_may_be_asked_for() -> None:
    clause = Clause(WHO, verb("help"), (takes(MY_BROTHER, "dative"),))
    assert linearize(clause.english()) == "Who is helping my brother"
    assert linearize(clause.german()) == "Wer hilft meinem Bruder"


def test_owners_stand_in_the_genitive() -> None:
    (car,) = (each for each in NOUNS if each.english == "car")
    assert (
        linearize(NounPhrase(car, possessor=thing("man", THE, "old")).german("nominative"))
        == "Das Auto des alten Mannes"
    )
    assert linearize(NounPhrase(car, possessor=thing("man", THE, "old")).english()) == "The old man's car"
    assert linearize(NounPhrase(car, possessor=ANNA).german("dative")) == "Annas Auto"


def test_marks_are_written_once_and_close_to_their_word() -> None:
    tree = Phrase("test", (*invariant("so it is").parts, Word(",", "mark"), Word(".", "mark")))
    assert linearize(tree) == "So it is."
