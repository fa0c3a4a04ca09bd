"""Seeded random choice, balanced so that rare words stay frequent enough to be learned."""

import random
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TypeVar

Choice = TypeVar("Choice", bound=Hashable)


class RandomChoice:
    """A seeded random number generator that counts the alternatives that it has chosen."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.counts: Counter[Hashable] = Counter()

    def bernoulli(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.random.random() < probability

    def uniform(self, choices: Sequence[Choice]) -> Choice:
        """Return one of the alternatives, each with the same probability."""
        return choices[int(self.random.random() * len(choices))]

    def balanced(self, choices: Sequence[Choice]) -> Choice:
        """Return the least chosen of three uniformly drawn words of an open class, counted over all calls."""
        size = len(choices)
        candidates = [choices[int(self.random.random() * size)] for _ in range(3)]
        chosen = min(candidates, key=self.counts.__getitem__)
        self.counts[chosen] += 1
        return chosen

    def weighted(self, choices: dict[Choice, float]) -> Choice:
        """Return an alternative with a probability proportional to its weight."""
        point = self.random.random() * sum(choices.values())
        for choice, weight in choices.items():
            point -= weight
            if point < 0:
                return choice
        raise ValueError(f"at least one weight must be positive, but they are {list(choices.values())}")
