"""Fixtures of small trained tokenizers, one of each kind."""

import warnings

import pytest
from tokenizer_texts import make_lines

from seq2seq.tokenizers import Bytes, Characters, Subwords, Tokenizer, Words


def learn(tokenizer: Tokenizer) -> Tokenizer:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        tokenizer.learn(make_lines())
    return tokenizer


KINDS = {
    "characters": lambda: Characters(),
    "few-characters": lambda: Characters(max_size=12),
    "bytes": lambda: Bytes(),
    "words": lambda: Words(),
    "unigram": lambda: Subwords(size=300, sampling=0.8),
    "bpe": lambda: Subwords(size=330, algorithm="bpe", sampling=0.2),
    "nfkc": lambda: Subwords(size=300, normalization="nfkc", lowercase=True),
}
LOSSLESS = ("bytes", "unigram", "bpe")


@pytest.fixture(scope="session")
def tokenizers() -> dict[str, Tokenizer]:
    return {name: learn(make()) for name, make in KINDS.items()}


@pytest.fixture(params=list(KINDS))
def tokenizer(request: pytest.FixtureRequest, tokenizers: dict[str, Tokenizer]) -> Tokenizer:
    return tokenizers[request.param]


@pytest.fixture(params=LOSSLESS)
def lossless(request: pytest.FixtureRequest, tokenizers: dict[str, Tokenizer]) -> Tokenizer:
    return tokenizers[request.param]


@pytest.fixture(params=["unigram", "bpe"])
def subwords(request: pytest.FixtureRequest, tokenizers: dict[str, Tokenizer]) -> Tokenizer:
    return tokenizers[request.param]
