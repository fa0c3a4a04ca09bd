"""The hand-written test split: 100 everyday sentences that no generated split contains."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SEED
from phrasebook import split
from phrasebook.sentence import Sentence
from phrasebook.split import Corpus, assemble, everyday

COMMAND = Path(__file__).resolve().parents[2] / "data" / "phrasebook"


def tokens(text: str) -> list[str]:
    return re.findall(r"[\w'-]+", text.lower())


def test_there_are_a_hundred_different_well_formed_sentences() -> None:
    pairs = everyday()
    assert len(pairs) == len({english for english, _ in pairs}) == len({german for _, german in pairs}) == 100
    for text in (text for pair in pairs for text in pair):
        assert text == text.strip()
        assert text[0].isupper()
        assert text[-1] in ".?!"


def test_they_are_varied() -> None:
    pairs = everyday()
    questions = sum(english.endswith("?") for english, _ in pairs)
    assert 25 <= questions <= 50
    conjunctions = {"because", "although", "when", "while", "after", "before", "if"}
    assert conjunctions <= {word for english, _ in pairs for word in tokens(english)}
    assert len({word for english, _ in pairs for word in tokens(english)}) > 250
    openings = [" ".join(tokens(english)[:2]) for english, _ in pairs]
    assert max(openings.count(opening) for opening in openings) <= 4


def test_no_generated_split_contains_one(corpus: Corpus) -> None:
    reserved = {text for pair in everyday() for text in pair}
    for sentences in corpus.splits.values():
        assert reserved.isdisjoint(each.english for each in sentences)
        assert reserved.isdisjoint(each.german for each in sentences)


def test_a_generated_sentence_is_left_out_if_it_is_reserved(
    sentences: list[Sentence], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"train": 150, "validation": 10, "seen": 10, "unseen": 10}
    before = assemble(SEED, **small)
    english, german = before.splits["train"][0], before.splits["train"][1]
    monkeypatch.setattr(split, "everyday", lambda: ((english.english, "-"), ("-", german.german)))
    after = assemble(SEED, **small)
    assert after.left_out["in everyday"] == 2
    texts = {text for part in after.splits.values() for each in part for text in (each.english, each.german)}
    assert texts.isdisjoint((english.english, german.german))


@pytest.mark.slow
def test_the_default_corpus_has_all_their_words_and_none_of_them(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(COMMAND), "--out", str(tmp_path)], check=True, capture_output=True)
    for side, language in enumerate(("en", "de")):
        train = (tmp_path / f"train.{language}").read_text(encoding="utf-8").splitlines()
        assert {pair[side] for pair in everyday()}.isdisjoint(train)
        known = {word for line in train for word in tokens(line)}
        assert {word for pair in everyday() for word in tokens(pair[side])} <= known
