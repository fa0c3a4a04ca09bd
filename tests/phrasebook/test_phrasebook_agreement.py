"""Agreement in every generated sentence, against tables written here once more."""

from collections.abc import Iterator
from itertools import pairwise

from phrasebook.sentence import Sentence
from phrasebook.tree import Phrase, Word, phrases, words

CASES = ("nominative", "accusative", "dative", "genitive")
COLUMNS = ("masculine", "feminine", "neuter", "plural")
ENDINGS = {
    "weak": ("e e e en", "en e e en", "en en en en", "en en en en"),
    "mixed": ("er e es en", "en e es en", "en en en en", "en en en en"),
    "strong": ("er e es e", "en e es e", "em er em en", "en er en er"),
}
DER = ("der die das die", "den die das die", "dem der dem den", "des der des der")
DIESER = ("er e es e", "en e es e", "em er em en", "es er es er")
EIN = ("- e - e", "en e - e", "em er em en", "es er es er")
EIN_WORDS = ("ein", "kein", "mein", "dein", "sein", "ihr", "unser")
CONTRACTED = {
    "im": "dem",
    "am": "dem",
    "zum": "dem",
    "beim": "dem",
    "vom": "dem",
    "zur": "der",
    "ins": "das",
    "ans": "das",
}
FINITE = {
    "sein": "bin bist ist sind seid sind",
    "haben": "habe hast hat haben habt haben",
    "werden": "werde wirst wird werden werdet werden",
    "war": "war warst war waren wart waren",
    "hatte": "hatte hattest hatte hatten hattet hatten",
    "wurde": "wurde wurdest wurde wurden wurdet wurden",
    "würde": "würde würdest würde würden würdet würden",
    "wäre": "wäre wärest wäre wären wäret wären",
    "hätte": "hätte hättest hätte hätten hättet hätten",
    "möchte": "möchte möchtest möchte möchten möchtet möchten",
    "können": "kann kannst kann können könnt können",
    "konnte": "konnte konntest konnte konnten konntet konnten",
    "müssen": "muss musst muss müssen müsst müssen",
    "musste": "musste musstest musste mussten musstet mussten",
    "dürfen": "darf darfst darf dürfen dürft dürfen",
    "sollen": "soll sollst soll sollen sollt sollen",
    "wollen": "will willst will wollen wollt wollen",
    "wollte": "wollte wolltest wollte wollten wolltet wollten",
    "wissen": "weiß weißt weiß wissen wisst wissen",
    "mögen": "mag magst mag mögen mögt mögen",
    "mochte": "mochte mochtest mochte mochten mochtet mochten",
    "könnte": "könnte könntest könnte könnten könntet könnten",
    "durfte": "durfte durftest durfte durften durftet durften",
    "wusste": "wusste wusstest wusste wussten wusstet wussten",
    "gab": "gab gabst gab gaben gabt gaben",
}


def cell(table: tuple[str, ...], phrase: Phrase) -> str:
    """The entry of a table for a noun phrase's case, gender and number."""
    features = phrase.features
    column = "plural" if features["number"] == "plural" else features["gender"]
    return table[CASES.index(features["case"])].split()[COLUMNS.index(column)].strip("-")


def noun_phrases(sentences: list[Sentence]) -> Iterator[Phrase]:
    for sentence in sentences:
        yield from phrases(sentence.german_tree, "noun phrase")


def own_words(phrase: Phrase, kind: str) -> list[Word]:
    """The words of a kind that belong to the phrase itself, not to a phrase inside it."""
    return [part for part in phrase.parts if isinstance(part, Word) and part.kind == kind]


def clauses(sentences: list[Sentence]) -> Iterator[Phrase]:
    for sentence in sentences:
        yield from phrases(sentence.german_tree, "clause")


def test_adjectives_end_as_article_gender_number_and_case_demand(sentences: list[Sentence]) -> None:
    seen = 0
    for phrase in noun_phrases(sentences):
        declension = phrase.features["declension"]
        bare_ein = declension == "mixed" and not cell(EIN, phrase)
        ending = cell(ENDINGS["strong" if bare_ein else declension], phrase)
        for word in own_words(phrase, "adjective"):
            seen += 1
            assert word.text == word.features["stem"] + ending, phrase
    assert seen > 1_000


def test_articles_take_the_case_gender_and_number_of_their_noun(sentences: list[Sentence]) -> None:
    shown = set()
    for phrase in noun_phrases(sentences):
        if "contracted" in phrase.features:
            assert CONTRACTED[phrase.features["contracted"]] == cell(DER, phrase)
        for word in own_words(phrase, "article"):
            stem = word.features["stem"]
            expected = stem + cell(EIN if stem in EIN_WORDS else DIESER, phrase)
            assert word.text == (cell(DER, phrase) if stem == "d" else expected)
            shown.add((phrase.features["case"], phrase.features["number"], phrase.features["gender"]))
    assert len(shown) >= 20


def test_no_contraction_is_left_undone(sentences: list[Sentence]) -> None:
    contractible = {("in", "dem"), ("in", "das"), ("an", "dem"), ("zu", "dem"), ("zu", "der"), ("von", "dem")}
    for sentence in sentences:
        for first, second in pairwise(words(sentence.german_tree)):
            if first.kind == "preposition" and second.kind == "article":
                assert (first.text, second.text) not in contractible, sentence.german


def test_articles_say_what_declension_follows(sentences: list[Sentence]) -> None:
    for phrase in noun_phrases(sentences):
        stem = phrase.features["determiner"]
        expected = (
            "mixed" if stem in EIN_WORDS else "weak" if stem in ("d", "dies", "jed", "welch", "all") else "strong"
        )
        assert phrase.features["declension"] == expected


def test_prepositions_govern_their_case(sentences: list[Sentence]) -> None:
    fixed = {"mit": "dative", "von": "dative", "zu": "dative", "aus": "dative", "nach": "dative", "durch": "accusative"}
    fixed |= {"über": "accusative", "um": "accusative"}
    found = set()
    for sentence in sentences:
        for role in ("place", "direction", "prepositional", "agent", "manner"):
            for phrase in phrases(sentence.german_tree, role):
                if "preposition" not in phrase.features:
                    continue
                preposition, case = phrase.features["preposition"], phrase.features["case"]
                found.add((role, preposition, case))
                assert fixed.get(preposition, case) == case
                for inner in phrase.parts:
                    if isinstance(inner, Phrase) and inner.kind == "noun phrase":
                        assert inner.features["case"] == case
    two_way = {"in", "auf", "unter", "neben", "hinter", "vor"}
    assert {(preposition, case) for _, preposition, case in found} >= {
        (preposition, case) for preposition in two_way for case in ("accusative", "dative")
    }
    assert all(case == "dative" for role, _, case in found if role == "place")


def test_relative_pronouns_take_gender_and_number_from_their_noun(sentences: list[Sentence]) -> None:
    denen = ("der die das die", "den die das die", "dem der dem denen")
    seen = 0
    for phrase in noun_phrases(sentences):
        for relative in (part for part in phrase.parts if isinstance(part, Phrase) and part.kind == "relative"):
            pronoun = next(word for word in words(relative) if word.kind == "relative")
            column = "plural" if phrase.features["number"] == "plural" else phrase.features["gender"]
            row = CASES.index(pronoun.features["case"])
            assert pronoun.text == denen[row].split()[COLUMNS.index(column)]
            seen += 1
    assert seen > 100


def test_the_finite_verb_agrees_with_its_subject(sentences: list[Sentence]) -> None:
    paradigms = {form: line.split() for line in FINITE.values() for form in line.split()}
    irregular = lexical = 0
    for clause in clauses(sentences):
        if clause.features["order"] in ("imperative", "infinitive", "bare"):
            continue
        person, number = int(clause.features["person"]), clause.features["number"]
        place = person - 1 + 3 * (number == "plural")
        (finite,) = own_words(clause, "finite")
        form = finite.text
        if form in paradigms:
            irregular += 1
            assert any(line.split()[place] == form for line in FINITE.values()), clause
        else:
            lexical += 1
            assert form.endswith((("e",), ("st", "t"), ("t", "mag"), ("n",), ("t",), ("n",))[place]), clause
    assert irregular > 1_000
    assert lexical > 500


def test_the_subject_is_nominative_and_in_the_number_of_the_clause(sentences: list[Sentence]) -> None:
    for clause in clauses(sentences):
        subjects = [
            part
            for part in clause.parts
            if isinstance(part, Phrase) and part.kind == "noun phrase" and clause.features["order"] != "infinitive"
        ]
        assert len(subjects) <= 1
        for subject in subjects:
            assert subject.features["case"] == "nominative"
            assert subject.features["number"] == clause.features["number"]


def test_a_reflexive_pronoun_goes_back_to_its_subject(sentences: list[Sentence]) -> None:
    forms = ("mich", "dich", "sich", "uns", "euch", "sich")
    seen = 0
    for clause in clauses(sentences):
        for word in own_words(clause, "reflexive"):
            place = int(clause.features["person"]) - 1 + 3 * (clause.features["number"] == "plural")
            assert word.text == forms[place]
            seen += 1
    assert seen > 50


def test_dative_verbs_have_dative_objects(sentences: list[Sentence]) -> None:
    datives = {"help", "thank", "follow", "trust", "answer", "congratulate", "listen to", "belong to"}
    for clause in clauses(sentences):
        roles = {part.kind for part in clause.parts if isinstance(part, Phrase)}
        if clause.features["verb"] in datives:
            assert "accusative" not in roles
        for part in clause.parts:
            if isinstance(part, Phrase) and part.kind in ("accusative", "dative"):
                for inner in part.parts:
                    assert inner.features.get("case", part.kind) == part.kind
