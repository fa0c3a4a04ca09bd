"""Seeded choices that keep every word about as frequent as its rivals."""

import random
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TypeVar

Choice = TypeVar("Choice", bound=Hashable)


class RandomChoice:
    """Dice that remember what they have shown."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.counts: Counter[Hashable] = Counter()

    def bernoulli(self, probability: float) -> bool:
        """True as often as the probability says."""
        return self.random.random() < probability

    def balanced(self, choices: Sequence[Choice]) -> Choice:
        """The less frequent of three candidates, which keeps rare words from staying rare."""
        size = len(choices)
        candidates = [choices[int(self.random.random() * size)] for _ in range(3)]
        chosen = min(candidates, key=self.counts.__getitem__)
        self.counts[chosen] += 1
        return chosen

    def weighted(self, choices: dict[Choice, float]) -> Choice:
        """One of the choices, by weight."""
        point = self.random.random() * sum(choices.values())
        for choice, weight in choices.items():
            point -= weight
            if point < 0:
                return choice
        raise ValueError(f"at least one weight must be positive, but they are {list(choices.values())}")
