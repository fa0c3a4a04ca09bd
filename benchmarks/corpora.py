"""Generated corpora: words that nobody speaks, as frequent as those of a language, in sentences of usual lengths."""

import string
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

ALPHABET = string.ascii_letters + string.digits + "äöüÄÖÜßéèêàâçñôûîïëáíóúÉÈÀ" + ".,;:!?'\"-()"
KINDS = 20_000  # different sentences a block; a longer corpus repeats them in another order
SOURCE, TARGET, SPREAD = 14, 13, 4  # words of a sentence, as German and English of Multi30k, end marks left out


def words(number: int, seed: int = 1) -> list[str]:
    """So many different words of 2 to 10 characters, the frequent characters far more often than the rare ones."""
    random = np.random.default_rng(seed)
    letters, chances = np.array(list(ALPHABET)), zipf(len(ALPHABET))
    found: dict[str, None] = {}
    while len(found) < number:
        found["".join(random.choice(letters, random.integers(2, 11), p=chances))] = None
    return list(found)


def zipf(number: int) -> np.ndarray:
    """Probabilities that fall with the rank."""
    weights = 1 / np.arange(1, number + 1)
    return weights / weights.sum()


def sentences(lengths: np.ndarray, vocabulary: int = 8000, seed: int = 1) -> list[str]:
    """Sentences of so many words each."""
    known = np.array(words(vocabulary, seed), dtype=object)
    drawn = np.random.default_rng(seed).choice(known, int(lengths.sum()), p=zipf(vocabulary)).tolist()
    ends = [0, *accumulate(lengths.tolist())]
    return [" ".join(drawn[begin:end]) for begin, end in pairwise(ends)]


def lengths(number: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Words of sources and of their targets, which are about as long."""
    random = np.random.default_rng(seed)
    source = random.normal(SOURCE, SPREAD, number)
    target = TARGET + 0.9 * (source - SOURCE) + random.normal(0, 0.44 * SPREAD, number)
    whole = (np.maximum(3, side.round()).astype(np.int64) for side in (source, target))
    return next(whole), next(whole)


def pairs(number: int, vocabulary: int = 8000) -> tuple[list[str], list[str]]:
    """Sentences beside what is no translation of them, but as long as one."""
    source, target = lengths(number)
    return sentences(source, vocabulary, seed=1), sentences(target, vocabulary, seed=2)


def pair_files(scratch: Path, number: int, vocabulary: int = 8000) -> Path:
    """A folder with so many pairs in train.de and train.en, written once."""
    folder = scratch / f"pairs-{number}-{vocabulary}"
    if not folder.exists():
        folder.mkdir(parents=True)
        for name, lines in zip(("de", "en"), pairs(number, vocabulary), strict=True):
            (folder / f"train.{name}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def text_file(scratch: Path, size: int = 1_000_000) -> Path:
    """A text of about so many bytes, written once."""
    path = scratch / f"text-{size}.txt"
    if not path.exists():
        write_text(path, size)
    return path


def write_text(path: Path, size: int) -> None:
    """A text of about so many bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [(line + "\n").encode() for line in sentences(lengths(KINDS)[0])]
    with path.open("wb") as file:
        for block in shuffled(lines, size):
            file.write(b"".join(block))


def write_pairs(folder: Path, size: int) -> None:
    """train.de and train.en, of about so many bytes together."""
    folder.mkdir(parents=True, exist_ok=True)
    both = [f"{source}\n{target}\n".encode() for source, target in zip(*pairs(KINDS), strict=True)]
    with (folder / "train.de").open("wb") as source, (folder / "train.en").open("wb") as target:
        for block in shuffled(both, size):
            lines = b"".join(block).splitlines(keepends=True)
            source.write(b"".join(lines[::2]))
            target.write(b"".join(lines[1::2]))


def shuffled(items: list[bytes], size: int) -> Iterator[list[bytes]]:
    """All items in another order each time, until they are so many bytes."""
    random, written = np.random.default_rng(1), 0
    while written < size:
        block = [items[place] for place in random.permutation(len(items)).tolist()]
        sizes = list(accumulate(map(len, block), initial=written))
        kept = bisect_left(sizes, size)
        written = sizes[min(kept, len(block))]
        yield block[:kept]
