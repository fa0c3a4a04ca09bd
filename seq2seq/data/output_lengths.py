"""The maximum length of a translation, learned from the training pairs."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from seq2seq.data.buckets import Int32Array
from seq2seq.errors import UserError
from seq2seq.ranges import LARGEST

EXTRA_TOKENS = 10  # added to one and a half times the longest training target


@dataclass(frozen=True)
class OutputLengths:
    """The longest target length for each source length, in tokens without EOS.

    Tokens are counted in the tokenizer's deterministic encoding. Subword sampling gives more tokens in training, a
    different number in each epoch, but a translator mostly generates the deterministic encoding, and the limit of one
    and a half times the longest target covers the rest.

    Args:
        sources: Ascending source lengths at which the longest target of any source up to that length grows.
        targets: These longest target lengths, ascending; the first also applies to shorter sources.
        longest_source: Length of the longest source.
        ratio: Target and source length of the pair with the highest ratio.
    """

    sources: list[int]
    targets: list[int]
    longest_source: int
    ratio: list[int]

    @staticmethod
    def learn(source_lengths: Int32Array, target_lengths: Int32Array) -> "OutputLengths":
        """Learn from the lengths of at least one pair, none with an empty side."""
        order = np.lexsort((-target_lengths, source_lengths))  # at equal source lengths, the longest target first
        source, target = source_lengths[order].astype(np.int64), target_lengths[order].astype(np.int64)
        grows = np.diff(np.maximum.accumulate(target), prepend=0) > 0
        steepest = int(np.argmax(target / source))
        return OutputLengths(
            source[grows].tolist(),
            target[grows].tolist(),
            int(source[-1]),
            [int(target[steepest]), int(source[steepest])],
        )

    @staticmethod
    def merge(parts: Sequence["OutputLengths"]) -> "OutputLengths":
        """Return the output lengths that would be learned from the training pairs of all parts together."""
        pairs = [pair for part in parts for pair in (*zip(part.sources, part.targets, strict=True), part.ratio[::-1])]
        merged = OutputLengths.learn(*np.array(pairs).T)  # each of these is the lengths of a training pair
        return replace(merged, longest_source=max(part.longest_source for part in parts))

    def limits(self, source_lengths: Iterable[int]) -> list[int]:
        """Return the maximum number of output tokens for sources of these lengths.

        The limit is 10 plus one and a half times the longest training target of any source up to this length. For a
        source longer than all training sources, it is 10 plus one and a half times the source length times the highest
        ratio of target to source in training, if that is more.
        """
        return [self._limit(length) for length in source_lengths]

    def _limit(self, source_length: int) -> int:
        longest_target = self.targets[max(0, bisect_right(self.sources, source_length) - 1)]
        limit = _ceil_div(3 * longest_target, 2)
        if source_length > self.longest_source:
            target, source = self.ratio
            limit = max(limit, _ceil_div(3 * target * source_length, 2 * source))
        return limit + EXTRA_TOKENS

    def state_dict(self) -> dict[str, Any]:
        """Return the fields for a checkpoint: integers and lists of integers."""
        return asdict(self)

    @staticmethod
    def from_state(state: Any) -> "OutputLengths":
        """Restore from the result of `state_dict`. Raises a UserError for anything else."""
        names = OutputLengths.__dataclass_fields__.keys()
        if not isinstance(state, dict) or state.keys() != names:
            raise UserError(f"output_lengths must have the entries {', '.join(names)}")
        sources, targets, ratio = (state[name] for name in ("sources", "targets", "ratio"))
        for name, values in (("sources", sources), ("targets", targets)):
            if not _are_positive_integers(values) or any(left >= right for left, right in pairwise(values)):
                raise UserError(f"output_lengths.{name} must be ascending whole numbers from 1 to {LARGEST:,}")
        if len(sources) != len(targets):
            raise UserError(f"output_lengths must have a target for each of its {len(sources)} sources")
        if not _are_positive_integers([state["longest_source"]]) or state["longest_source"] < sources[-1]:
            raise UserError(f"output_lengths.longest_source must be a whole number from {sources[-1]} to {LARGEST:,}")
        if not _are_positive_integers(ratio) or len(ratio) != 2:
            raise UserError(f"output_lengths.ratio must be two whole numbers from 1 to {LARGEST:,}")
        return OutputLengths(**state)


def _ceil_div(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


def _are_positive_integers(values: Any) -> bool:
    """Return whether this is a non-empty list of integers from 1 to LARGEST."""
    return (
        isinstance(values, list)
        and bool(values)
        and all(type(value) is int and 1 <= value <= LARGEST for value in values)
    )
