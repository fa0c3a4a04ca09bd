"""The splits: word combinations held out from training, hand-written sentences, and no sentence in two splits."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from phrasebook.constructions import compose
from phrasebook.random_choice import RandomChoice
from phrasebook.sentence import Combination, Sentence

EVERYDAY = Path(__file__).parent / "everyday.tsv"
HELD_OUT_SHARE = 0.07  # of all combinations


@dataclass
class Corpus:
    """The generated splits by name, and the number of generated sentences that are in none."""

    splits: dict[str, list[Sentence]]
    left_out: dict[str, int] = field(default_factory=lambda: {"repeated": 0, "in everyday": 0, "not needed": 0})

    @property
    def test(self) -> list[Sentence]:
        """The whole test split: seen combinations first, then unseen ones."""
        return self.splits["test-seen"] + self.splits["test-unseen"]


@cache
def everyday() -> tuple[tuple[str, str], ...]:
    """Return the hand-written English sentences with their German translations."""
    _, *lines = EVERYDAY.read_text(encoding="utf-8").splitlines()
    return tuple((english, german) for english, german in (line.split("\t") for line in lines))


def holding_out(seed: int, share: float = HELD_OUT_SHARE) -> Callable[[Combination], bool]:
    """Return a predicate for held-out combinations, decided by a hash and so independent of any order."""
    decided: dict[Combination, bool] = {}

    def held_out(combination: Combination) -> bool:
        if combination not in decided:
            digest = hashlib.sha256(f"{seed} {combination}".encode()).digest()
            decided[combination] = int.from_bytes(digest[:4]) < share * 2**32
        return decided[combination]

    return held_out


def assemble(
    seed: int = 1, train: int = 80_000, validation: int = 1_000, seen: int = 1_200, unseen: int = 800
) -> Corpus:
    """Generate sentences until every split is full.

    Raises:
        ValueError: An English sentence has two German translations.
    """
    rng = RandomChoice(seed)
    held_out = holding_out(seed)
    sizes = {"val": validation, "test-seen": seen, "train": train, "test-unseen": unseen}
    corpus = Corpus({name: [] for name in sizes})
    translations: dict[str, str] = {}
    origins: dict[str, str] = {}
    reserved = {text for pair in everyday() for text in pair}
    while any(len(corpus.splits[name]) < size for name, size in sizes.items()):
        sentence = compose(rng)
        known = translations.setdefault(sentence.english, sentence.german)
        if known != sentence.german:
            raise ValueError(f"one translation a sentence, but {sentence.english!r}: {known!r}, {sentence.german!r}")
        if sentence.english in reserved or sentence.german in reserved:
            corpus.left_out["in everyday"] += 1
            continue
        if origins.setdefault(sentence.german, sentence.english) != sentence.english or sentence.english in origins:
            corpus.left_out["repeated"] += 1
            continue
        origins[sentence.english] = ""
        new = any(held_out(combination) for combination in sentence.combinations)
        names = ("test-unseen",) if new else ("val", "test-seen", "train")
        name = next((name for name in names if len(corpus.splits[name]) < sizes[name]), None)
        if name is None:
            corpus.left_out["not needed"] += 1
        else:
            corpus.splits[name].append(sentence)
    return corpus
