"""Distributions of sampled segmentations: unigram against sentencepiece, BPE-dropout against subword-nmt."""

import random
from collections import Counter
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy
import pytest
import sentencepiece
from agreement import Compare
from subword_nmt import apply_bpe

from seq2seq.special_tokens import NUM_SPECIAL
from seq2seq.tokenizers import Subwords
from seq2seq.tokenizers.pieces import escape

DRAWS = 20_000
MAX_DEVIATIONS = 5.0  # one pair in three million samples of the same distribution exceeds it
MIN_COUNT = 10  # rarer segmentations are counted together
UNIGRAM_WORDS = ["cats", "runner", "unhouse", "caté", "the cats"]
BPE_WORDS = [
    "cats",
    "houses",
    "runing",
    "the",
]  # no word has a pair of pieces twice: subword-nmt merges all its occurrences at once


def trained_tokenizer(algorithm: Any, sampling: float) -> Subwords:
    tokenizer = Subwords(size=315, algorithm=algorithm, sampling=sampling)
    starts, ends = ["cat", "hous", "runn", "th", "sing", "un", "big"], ["s", "er", "es", "e", "ing", ""]
    tokenizer.learn(f"{a}{b} {c}{d}\n" for a, b, c, d in product(starts, ends, starts, ends))
    return tokenizer


def chi_squared_deviations(ours: Counter[Any], theirs: Counter[Any]) -> float:
    """Return the chi-squared statistic of two samples as an approximately normal deviate."""
    total = ours + theirs
    common = [segmentation for segmentation, count in total.items() if count >= MIN_COUNT]
    assert len(common) > 1, "a single segmentation is no distribution"
    rows = numpy.array([[sample[segmentation] for segmentation in common] for sample in (ours, theirs)], dtype=float)
    rest = [[sample.total() - row.sum()] for sample, row in zip((ours, theirs), rows, strict=True)]
    counts = numpy.hstack([rows, rest])
    counts = counts[:, counts.sum(0) >= MIN_COUNT]
    expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
    freedom = counts.shape[1] - 1
    ratio = float(((counts - expected) ** 2 / expected).sum()) / freedom
    return float((ratio ** (1 / 3) - 1 + 2 / (9 * freedom)) / (2 / (9 * freedom)) ** 0.5)  # Wilson and Hilferty


def draw(sample: Callable[[int], Any]) -> Counter[Any]:
    return Counter(tuple(sample(number)) for number in range(DRAWS))


def sentencepiece_draws(tokenizer: Subwords, word: str, alpha: float) -> Counter[Any]:
    """Draw from sentencepiece, whose random generator cannot be seeded."""
    model = tokenizer.state_dict()["model"]
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return draw(lambda _: processor.encode(escape(word), enable_sampling=True, alpha=alpha, nbest_size=-1))


def subword_nmt_draws(tokenizer: Subwords, word: str, dropout: float) -> Counter[Any]:
    """Draw from subword-nmt, with merges of all pairs of pieces that form a piece, ranked by its id."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.state_dict()["model"])
    learned_ids = range(NUM_SPECIAL + 256, tokenizer.vocab_size)  # after the special tokens and the bytes
    pieces = {processor.id_to_piece(number).replace("▁", " "): number for number in learned_ids}
    codes = {
        (piece[:cut], piece[cut:]): number
        for piece, number in pieces.items()
        for cut in range(1, len(piece))
        if piece[:cut] in pieces and piece[cut:] in pieces
    }
    random.seed(17)

    def sample(_: int) -> list[int]:
        segments = apply_bpe.encode(escape(word), codes, {}, None, "", (0, 1), {}, dropout=dropout)
        return [pieces[piece] for piece in segments]

    return draw(sample)


def compare_draws(compare: Compare, ours: Counter[Any], theirs: Counter[Any], package: str, algorithm: str) -> None:
    remark = f"{algorithm}, {DRAWS:,} draws of each word; at most {MAX_DEVIATIONS} deviations"
    comparison = compare("Subwords.sample", package, remark)
    deviations = chi_squared_deviations(ours, theirs)
    comparison.agreement.record(comparison.row, "deviations", max(0.0, deviations))
    assert deviations < MAX_DEVIATIONS


@pytest.mark.parametrize("word", UNIGRAM_WORDS)
@pytest.mark.parametrize("sampling", [0.5, 0.9])
def test_unigram(compare: Compare, sampling: float, word: str) -> None:
    tokenizer = trained_tokenizer("unigram", sampling)
    ours = draw(lambda seed: tokenizer.sample(word, seed))
    theirs = sentencepiece_draws(tokenizer, word, 1 - sampling)
    compare_draws(compare, ours, theirs, "sentencepiece", "unigram")
    assert (
        chi_squared_deviations(ours, sentencepiece_draws(tokenizer, word, 1.2 - sampling)) > MAX_DEVIATIONS
    )  # another distribution


@pytest.mark.parametrize("word", BPE_WORDS)
@pytest.mark.parametrize("sampling", [0.1, 0.5])
def test_bpe_dropout(compare: Compare, sampling: float, word: str) -> None:
    tokenizer = trained_tokenizer("bpe", sampling)
    ours = draw(lambda seed: tokenizer.sample(word, seed))
    theirs = subword_nmt_draws(tokenizer, word, sampling)
    compare_draws(compare, ours, theirs, "subword-nmt", "BPE-dropout")
    assert (
        chi_squared_deviations(ours, subword_nmt_draws(tokenizer, word, sampling + 0.1)) > MAX_DEVIATIONS
    )  # another distribution
