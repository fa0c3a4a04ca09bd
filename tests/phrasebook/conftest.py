"""The phrasebook's generator, importable, and a small corpus of it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "data"))

from phrasebook.sentence import Sentence
from phrasebook.split import Corpus, assemble

SEED = 7


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return assemble(SEED, train=5_000, validation=250, seen=300, unseen=200)


@pytest.fixture(scope="session")
def sentences(corpus: Corpus) -> list[Sentence]:
    return [sentence for part in corpus.splits.values() for sentence in part]
