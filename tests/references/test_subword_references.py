"""How random segmentations are distributed: unigram's against sentencepiece, BPE-dropout's against subword-nmt."""

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
from seq2seq.tokenizers.escapes import escape

DRAWS = 20_000
DEVIATIONS = 5.0  # one pair of samples of one distribution in three million is further apart
RARE = 10  # segmentations seen more seldom are counted as one
UNIGRAM_WORDS = ["cats", "runner", "unhouse", "caté", "the cats"]
BPE_WORDS = ["cats", "houses", "runing", "the"]  # no pair of pieces is in one twice, which subword-nmt merges at once


def learned(algorithm: Any, sampling: float) -> Subwords:
    tokenizer = Subwords(size=315, algorithm=algorithm, sampling=sampling)
    starts, ends = ["cat", "hous", "runn", "th", "sing", "un", "big"], ["s", "er", "es", "e", "ing", ""]
    tokenizer.learn(f"{a}{b} {c}{d}\n" for a, b, c, d in product(starts, ends, starts, ends))
    return tokenizer


def excess(ours: Counter[Any], theirs: Counter[Any]) -> float:
    """By how many standard deviations the chi-squared statistic of two samples is above its mean, about normally."""
    total = ours + theirs
    common = [one for one, count in total.items() if count >= RARE]
    assert len(common) > 1, "there is one segmentation only, so nothing is compared"
    rows = numpy.array([[sample[one] for one in common] for sample in (ours, theirs)], dtype=float)
    rest = [[sample.total() - row.sum()] for sample, row in zip((ours, theirs), rows, strict=True)]
    counts = numpy.hstack([rows, rest])
    counts = counts[:, counts.sum(0) >= RARE]
    expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
    freedom = counts.shape[1] - 1
    ratio = float(((counts - expected) ** 2 / expected).sum()) / freedom
    return float((ratio ** (1 / 3) - 1 + 2 / (9 * freedom)) / (2 / (9 * freedom)) ** 0.5)  # Wilson and Hilferty


def drawn(sample: Callable[[int], Any]) -> Counter[Any]:
    return Counter(tuple(sample(number)) for number in range(DRAWS))


def sentencepiece_draws(tokenizer: Subwords, word: str, alpha: float) -> Counter[Any]:
    """Theirs, which differ from one process to the next whatever the seed."""
    model = tokenizer.state_dict()["model"]
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return drawn(lambda _: processor.encode(escape(word), enable_sampling=True, alpha=alpha, nbest_size=-1))


def subword_nmt_draws(tokenizer: Subwords, word: str, dropout: float) -> Counter[Any]:
    """Their merges are pairs of pieces; one of ours merges any pair that makes it, ranked by its id."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.state_dict()["model"])
    learned_ids = range(NUM_SPECIAL + 256, tokenizer.vocab_size)  # behind the bytes
    pieces = {processor.id_to_piece(number).replace("▁", " "): number for number in learned_ids}
    codes = {
        (piece[:cut], piece[cut:]): number
        for piece, number in pieces.items()
        for cut in range(1, len(piece))
        if piece[:cut] in pieces and piece[cut:] in pieces
    }
    random.seed(17)

    def sample(_: int) -> list[int]:
        found = apply_bpe.encode(escape(word), codes, {}, None, "", (0, 1), {}, dropout=dropout)
        return [pieces[piece] for piece in found]

    return drawn(sample)


def compare_draws(compare: Compare, ours: Counter[Any], theirs: Counter[Any], package: str, algorithm: str) -> None:
    remark = f"{algorithm}, {DRAWS:,} draws of each word; {DEVIATIONS} are allowed"
    comparison = compare("Subwords.sample", package, remark)
    found = excess(ours, theirs)
    comparison.agreement.measured(comparison.row, "deviations", max(0.0, found))
    assert found < DEVIATIONS


@pytest.mark.parametrize("word", UNIGRAM_WORDS)
@pytest.mark.parametrize("sampling", [0.5, 0.9])
def test_unigram(compare: Compare, sampling: float, word: str) -> None:
    tokenizer = learned("unigram", sampling)
    ours = drawn(lambda seed: tokenizer.sample(word, seed))
    theirs = sentencepiece_draws(tokenizer, word, 1 - sampling)
    compare_draws(compare, ours, theirs, "sentencepiece", "unigram")
    assert excess(ours, sentencepiece_draws(tokenizer, word, 1.2 - sampling)) > DEVIATIONS  # another distribution


@pytest.mark.parametrize("word", BPE_WORDS)
@pytest.mark.parametrize("sampling", [0.1, 0.5])
def test_bpe_dropout(compare: Compare, sampling: float, word: str) -> None:
    tokenizer = learned("bpe", sampling)
    ours = drawn(lambda seed: tokenizer.sample(word, seed))
    theirs = subword_nmt_draws(tokenizer, word, sampling)
    compare_draws(compare, ours, theirs, "subword-nmt", "BPE-dropout")
    assert excess(ours, subword_nmt_draws(tokenizer, word, sampling + 0.1)) > DEVIATIONS  # another distribution
