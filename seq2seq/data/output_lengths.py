"""How long a translation may become, learned from the pairs that a translator was trained on."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from seq2seq.data.buckets import Lengths
from seq2seq.errors import UserError
from seq2seq.ranges import LARGEST

SPARE = 10  # tokens beyond one and a half times what training had


@dataclass(frozen=True)
class OutputLengths:
    """The longest targets of sources of each length; all in tokens, end marks not counted.

    They are counted in the tokenizer's deterministic encoding. Subword sampling gives training more pieces than that,
    and differently many in every epoch; what a translator writes is mostly the deterministic encoding all the same, and
    the half that is added leaves room for the rest.

    Args:
        sources: Source lengths at which the longest target of any source up to there grows, ascending.
        targets: These longest targets, ascending; a source shorter than all is given the first of them.
        longest_source: The longest source.
        ratio: Tokens of the target and of the source whose ratio is highest.
    """

    sources: list[int]
    targets: list[int]
    longest_source: int
    ratio: list[int]

    @staticmethod
    def learn(sources: Lengths, targets: Lengths) -> "OutputLengths":
        """Learn from the lengths of pairs, of which there is at least one and none has an empty side."""
        order = np.lexsort((-targets, sources))  # of equal sources the one with the longest target comes first
        source, target = sources[order].astype(np.int64), targets[order].astype(np.int64)
        grows = np.diff(np.maximum.accumulate(target), prepend=0) > 0
        steepest = int(np.argmax(target / source))
        return OutputLengths(
            source[grows].tolist(),
            target[grows].tolist(),
            int(source[-1]),
            [int(target[steepest]), int(source[steepest])],
        )

    @staticmethod
    def merge(several: Sequence["OutputLengths"]) -> "OutputLengths":
        """Return what would have been learned from all the pairs from which several were learned."""
        pairs = [pair for one in several for pair in (*zip(one.sources, one.targets, strict=True), one.ratio[::-1])]
        learned = OutputLengths.learn(*np.array(pairs).T)  # each of them was a pair of one training
        return replace(learned, longest_source=max(one.longest_source for one in several))

    def limits(self, sources: Iterable[int]) -> list[int]:
        """Return for sources of so many tokens how many their translations may have.

        That is one and a half times the longest training target of any source up to this length, plus 10; for a source
        longer than any in training, one and a half times what the highest ratio of training makes of it, plus 10.
        """
        return [self._limit(length) for length in sources]

    def _limit(self, length: int) -> int:
        longest = self.targets[max(0, bisect_right(self.sources, length) - 1)]
        limit = _ceil(3 * longest, 2)
        if length > self.longest_source:
            target, source = self.ratio
            limit = max(limit, _ceil(3 * target * length, 2 * source))
        return limit + SPARE

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps: whole numbers, and lists of them."""
        return asdict(self)

    @staticmethod
    def from_state(state: Any) -> "OutputLengths":
        """Return what `state_dict` gave; a UserError for anything else."""
        names = OutputLengths.__dataclass_fields__.keys()
        if not isinstance(state, dict) or state.keys() != names:
            raise UserError(f"output_lengths must have the entries {', '.join(names)}")
        sources, targets, ratio = (state[name] for name in ("sources", "targets", "ratio"))
        for name, numbers in (("sources", sources), ("targets", targets)):
            if not _counts(numbers) or any(one >= other for one, other in pairwise(numbers)):
                raise UserError(f"output_lengths.{name} must be ascending whole numbers from 1 to {LARGEST:,}")
        if len(sources) != len(targets):
            raise UserError(f"output_lengths must have a target for each of its {len(sources)} sources")
        if not _counts([state["longest_source"]]) or state["longest_source"] < sources[-1]:
            raise UserError(f"output_lengths.longest_source must be a whole number from {sources[-1]} to {LARGEST:,}")
        if not _counts(ratio) or len(ratio) != 2:
            raise UserError(f"output_lengths.ratio must be two whole numbers from 1 to {LARGEST:,}")
        return OutputLengths(**state)


def _ceil(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


def _counts(numbers: Any) -> bool:
    """Whether this is a list of whole numbers, at least one, each at least 1."""
    return (
        isinstance(numbers, list)
        and bool(numbers)
        and all(type(number) is int and 1 <= number <= LARGEST for number in numbers)
    )
