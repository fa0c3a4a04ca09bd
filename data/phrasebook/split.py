"""The corpus in parts: word combinations that training never shows, and sentences that no two parts share."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from phrasebook.constructions import compose
from phrasebook.random_choice import RandomChoice
from phrasebook.sentence import Combination, Sentence

HELD_OUT_SHARE = 0.07  # of all combinations


@dataclass
class Corpus:
    """Every part by its name, and how many sentences were drawn and left out on the way."""

    parts: dict[str, list[Sentence]]
    left_out: dict[str, int] = field(default_factory=lambda: {"repeated": 0, "in no part": 0})

    @property
    def test(self) -> list[Sentence]:
        """The whole test: seen combinations first, then unseen ones."""
        return self.parts["test-seen"] + self.parts["test-unseen"]


def holding_out(seed: int, share: float = HELD_OUT_SHARE) -> Callable[[Combination], bool]:
    """Whether a combination is kept from training: a hash decides, so that no order of events can change it."""
    decided: dict[Combination, bool] = {}

    def held_out(combination: Combination) -> bool:
        if combination not in decided:
            digest = hashlib.sha256(f"{seed} {combination}".encode()).digest()
            decided[combination] = int.from_bytes(digest[:4]) < share * 2**32
        return decided[combination]

    return held_out


def assemble(
    seed: int = 1, train: int = 40_000, validation: int = 1_000, seen: int = 1_200, unseen: int = 800
) -> Corpus:
    """Draw sentences until every part is full.

    Raises:
        ValueError: An English sentence came with two German ones.
    """
    rng = RandomChoice(seed)
    held_out = holding_out(seed)
    sizes = {"val": validation, "test-seen": seen, "train": train, "test-unseen": unseen}
    corpus = Corpus({name: [] for name in sizes})
    translations: dict[str, str] = {}
    origins: dict[str, str] = {}
    while any(len(corpus.parts[name]) < size for name, size in sizes.items()):
        sentence = compose(rng)
        known = translations.setdefault(sentence.english, sentence.german)
        if known != sentence.german:
            raise ValueError(f"one translation a sentence, but {sentence.english!r}: {known!r}, {sentence.german!r}")
        if origins.setdefault(sentence.german, sentence.english) != sentence.english or sentence.english in origins:
            corpus.left_out["repeated"] += 1
            continue
        origins[sentence.english] = ""
        new = any(held_out(combination) for combination in sentence.combinations)
        names = ("test-unseen",) if new else ("val", "test-seen", "train")
        name = next((name for name in names if len(corpus.parts[name]) < sizes[name]), None)
        if name is None:
            corpus.left_out["in no part"] += 1
        else:
            corpus.parts[name].append(sentence)
    return corpus
