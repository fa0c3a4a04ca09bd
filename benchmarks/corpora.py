"""Generated corpora: random words with Zipfian frequencies in sentences of realistic lengths."""

import string
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

ALPHABET = string.ascii_letters + string.digits + "äöüÄÖÜßéèêàâçñôûîïëáíóúÉÈÀ" + ".,;:!?'\"-()"
DISTINCT_SENTENCES = 20_000  # a longer corpus repeats them in other orders
SOURCE_LENGTH, TARGET_LENGTH, LENGTH_DEVIATION = 14, 13, 4  # words per sentence, as in Multi30k, without EOS


def make_words(number: int, seed: int = 1) -> list[str]:
    """Return different random words of 2 to 10 characters, with Zipfian character frequencies."""
    rng = np.random.default_rng(seed)
    letters, probabilities = np.array(list(ALPHABET)), zipf_probabilities(len(ALPHABET))
    words: dict[str, None] = {}
    while len(words) < number:
        words["".join(rng.choice(letters, rng.integers(2, 11), p=probabilities))] = None
    return list(words)


def zipf_probabilities(number: int) -> np.ndarray:
    """Return probabilities proportional to 1 / rank."""
    weights = 1 / np.arange(1, number + 1)
    return weights / weights.sum()


def make_sentences(sentence_lengths: np.ndarray, vocabulary: int = 8000, seed: int = 1) -> list[str]:
    """Return random sentences with these numbers of words."""
    vocabulary_words = np.array(make_words(vocabulary, seed), dtype=object)
    sampled = (
        np.random.default_rng(seed)
        .choice(vocabulary_words, int(sentence_lengths.sum()), p=zipf_probabilities(vocabulary))
        .tolist()
    )
    ends = [0, *accumulate(sentence_lengths.tolist())]
    return [" ".join(sampled[start:end]) for start, end in pairwise(ends)]


def draw_lengths(number: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Draw numbers of words for sources and targets, which are correlated."""
    rng = np.random.default_rng(seed)
    source = rng.normal(SOURCE_LENGTH, LENGTH_DEVIATION, number)
    target = TARGET_LENGTH + 0.9 * (source - SOURCE_LENGTH) + rng.normal(0, 0.44 * LENGTH_DEVIATION, number)
    rounded = (np.maximum(3, side.round()).astype(np.int64) for side in (source, target))
    return next(rounded), next(rounded)


def make_pairs(number: int, vocabulary: int = 8000) -> tuple[list[str], list[str]]:
    """Return random source sentences, and target sentences that match them in length only."""
    source, target = draw_lengths(number)
    return make_sentences(source, vocabulary, seed=1), make_sentences(target, vocabulary, seed=2)


def cached_pairs(scratch: Path, number: int, vocabulary: int = 8000) -> Path:
    """Return a folder with this many pairs in train.de and train.en, written on the first call."""
    folder = scratch / f"pairs-{number}-{vocabulary}"
    if not folder.exists():
        folder.mkdir(parents=True)
        for name, lines in zip(("de", "en"), make_pairs(number, vocabulary), strict=True):
            (folder / f"train.{name}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def cached_text(scratch: Path, size: int = 1_000_000) -> Path:
    """Return a text file of about this many bytes, written on the first call."""
    path = scratch / f"text-{size}.txt"
    if not path.exists():
        write_text(path, size)
    return path


def write_text(path: Path, size: int) -> None:
    """Write a text of about this many bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [(line + "\n").encode() for line in make_sentences(draw_lengths(DISTINCT_SENTENCES)[0])]
    with path.open("wb") as file:
        for block in shuffled_blocks(lines, size):
            file.write(b"".join(block))


def write_pairs(folder: Path, size: int) -> None:
    """Write train.de and train.en, of about this many bytes together."""
    folder.mkdir(parents=True, exist_ok=True)
    line_pairs = [
        f"{source}\n{target}\n".encode() for source, target in zip(*make_pairs(DISTINCT_SENTENCES), strict=True)
    ]
    with (folder / "train.de").open("wb") as source, (folder / "train.en").open("wb") as target:
        for block in shuffled_blocks(line_pairs, size):
            lines = b"".join(block).splitlines(keepends=True)
            source.write(b"".join(lines[::2]))
            target.write(b"".join(lines[1::2]))


def shuffled_blocks(items: list[bytes], size: int) -> Iterator[list[bytes]]:
    """Yield blocks of all items in new random orders, until they have this many bytes."""
    rng, written = np.random.default_rng(1), 0
    while written < size:
        block = [items[index] for index in rng.permutation(len(items)).tolist()]
        sizes = list(accumulate(map(len, block), initial=written))
        count = bisect_left(sizes, size)
        written = sizes[min(count, len(block))]
        yield block[:count]
