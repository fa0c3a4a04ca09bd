"""The corpus as a whole: one translation a sentence, parts that share nothing, words that are well known."""

import re
from collections import Counter

import pytest
from conftest import SEED
from phrasebook.sentence import Sentence
from phrasebook.split import Corpus, assemble, holding_out
from phrasebook.tree import phrases, words


def test_the_same_seed_writes_the_same_corpus_and_another_another() -> None:
    first, second, other = (
        [each.english for each in assemble(seed, 150, 10, 10, 10).splits["train"]] for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other


def test_an_english_sentence_has_one_translation(sentences: list[Sentence]) -> None:
    translations: dict[str, set[str]] = {}
    for sentence in sentences:
        translations.setdefault(sentence.english.lower(), set()).add(sentence.german.lower())
    assert all(len(found) == 1 for found in translations.values())


@pytest.mark.parametrize("side", ["english", "german"])
def test_no_sentence_stands_in_two_parts_or_twice_in_one(corpus: Corpus, side: str) -> None:
    texts = [getattr(sentence, side) for part in corpus.splits.values() for sentence in part]
    assert len(texts) == len(set(texts))


def test_every_part_has_the_size_that_was_asked_for(corpus: Corpus) -> None:
    assert {name: len(part) for name, part in corpus.splits.items()} == {
        "train": 5_000,
        "val": 250,
        "test-seen": 300,
        "test-unseen": 200,
    }


def test_held_out_combinations_are_in_unseen_tests_and_nowhere_else(corpus: Corpus) -> None:
    held_out = holding_out(SEED)
    for name, part in corpus.splits.items():
        for sentence in part:
            assert any(map(held_out, sentence.combinations)) == (name == "test-unseen")


def test_unseen_tests_hold_combinations_that_training_never_shows(corpus: Corpus) -> None:
    shown = {combination for sentence in corpus.splits["train"] for combination in sentence.combinations}
    assert all(sentence.combinations - shown for sentence in corpus.splits["test-unseen"])


def test_a_fifth_of_the_test_at_least_is_unseen(corpus: Corpus) -> None:
    assert len(corpus.splits["test-unseen"]) >= 0.2 * len(corpus.test)


def test_every_word_of_a_held_out_combination_is_well_known_from_training(corpus: Corpus) -> None:
    known: Counter[str] = Counter()
    for sentence in corpus.splits["train"]:
        known.update({word.text for word in words(sentence.english_tree) if word.kind == "adjective"})
        known.update({phrase.features["noun"] for phrase in phrases(sentence.german_tree, "noun phrase")})
        for clause in phrases(sentence.german_tree, "clause"):
            known.update({clause.features["verb"], clause.features["conjunction"]})
    asked = {
        word for each in corpus.splits["test-unseen"] for combination in each.combinations for word in combination[1:]
    }
    # an eighth of the whole corpus: three here are twenty-four there
    assert {word: known[word] for word in asked if known[word] < 3} == {}


def test_no_frame_makes_up_more_than_a_fiftieth(sentences: list[Sentence]) -> None:
    ((frame, most),) = Counter(sentence.frame for sentence in sentences).most_common(1)
    assert most <= 0.02 * len(sentences), frame


def test_frames_forget_open_words_and_keep_the_others(sentences: list[Sentence]) -> None:
    for sentence in sentences:
        assert not {"dog", "house", "Anna", "big"} & set(sentence.frame.split())
    assert any(sentence.frame.startswith("the NOUN ") for sentence in sentences)


def test_there_are_many_constructions_and_none_is_rare(sentences: list[Sentence]) -> None:
    counts = Counter(sentence.construction for sentence in sentences)
    assert len(counts) >= 25
    assert max(counts.values()) < 0.2 * len(sentences)


def test_sentences_are_short_and_well_formed(sentences: list[Sentence]) -> None:
    lengths = [len(sentence.english.split()) for sentence in sentences]
    assert 6 < sum(lengths) / len(lengths) < 9
    for sentence in sentences:
        for text in (sentence.english, sentence.german):
            assert text[0].isupper()
            assert text[-1] in ".?!"
            assert "  " not in text
            assert not any(bad in text for bad in (" ,", ",,", ",.", " .", " -"))


def test_an_stands_before_a_vowel_and_only_there(sentences: list[Sentence]) -> None:
    for sentence in sentences:
        for article, word in re.findall(r"\b([Aa]n?) (\w+)", sentence.english):
            assert (article.lower() == "an") == (word[0] in "aeiou" or word in ("honest", "hour")), sentence.english


def test_a_generous_lexicon_is_in_use(corpus: Corpus) -> None:
    german = {word.strip(".,?!") for sentence in corpus.splits["train"] for word in sentence.german.split()}
    assert len(german) > 1_200


def test_an_ambiguous_sentence_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from phrasebook import split
    from phrasebook.sentence import sentence
    from phrasebook.tree import Word

    sides = iter((("a", "b"), ("a", "c")))

    def compose(rng: object) -> Sentence:
        english, german = next(sides)
        return sentence("test", (Word(english),), (Word(german),))

    monkeypatch.setattr(split, "compose", compose)
    with pytest.raises(ValueError, match="one translation a sentence"):
        assemble(1, 2, 0, 0, 0)
