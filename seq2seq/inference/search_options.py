"""Options of the search for translations."""

from dataclasses import dataclass

from seq2seq.errors import UserError
from seq2seq.ranges import Beams, Count, LengthPenalty, NonNegativeOrInfinite, check_fields

MAX_SOURCE_LENGTH = 1000  # tokens


@dataclass(frozen=True)
class SearchOptions:
    """Options of beam search.

    Args:
        beams: Beam size; 1 is greedy search.
        length_penalty: Exponent of the length by which scores are divided (Wu et al., 2016); 0 favors short ones.
        n_best: Number of translations of each line, at most the number of beams.
        batch_tokens: Source tokens in a batch, padding included.
        max_length: Maximum number of tokens of a translation; by default the limit that training learned.
        max_source_length: Maximum number of tokens of a source; longer ones are truncated.
        patience: Early stopping: the search ends when no hypothesis could rank better if it grew by this share of its
            length at no cost; with a large value, such as 99, when none can rank better at all.
        threshold: Pruning: a hypothesis is dropped when its log-probability is more than this many nats below that of
            the `n_best`-th best unfinished one; with a large value, such as 99, none is dropped.
        allow_unknown: Whether <unk> may be generated.
    """

    beams: Beams = 5
    length_penalty: LengthPenalty = 1.0
    n_best: Count = 1
    batch_tokens: Count = 4000
    max_length: Count | None = None
    max_source_length: Count = MAX_SOURCE_LENGTH
    patience: NonNegativeOrInfinite = 0.2
    threshold: NonNegativeOrInfinite = 2.0
    allow_unknown: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        if self.n_best > self.beams:
            raise UserError(f"n_best must be at most the number of beams ({self.beams}), and {self.n_best} was given")
