"""The options of searching for translations."""

from dataclasses import dataclass

from seq2seq.errors import UserError
from seq2seq.ranges import Beams, Count, LengthPenalty, NonNegativeOrInfinite, check_fields

MAX_SOURCE_LENGTH = 1000  # tokens of a source that are read, by default


@dataclass(frozen=True)
class SearchOptions:
    """How translations are searched for.

    Args:
        beams: Hypotheses that are followed at once; 1 takes the likeliest token each time.
        length_penalty: Exponent of the length by which scores are divided (Wu et al., 2016); 0 prefers short ones.
        n_best: Translations of each line, at most as many as beams.
        batch_tokens: Source tokens that are translated at once, padding counted.
        max_length: Most tokens of a translation; by default the limit that training learned for its source.
        max_source_length: Tokens of a source that are read; what is longer is cut.
        patience: How much longer translations are hoped to become at no cost, as a share of their length, before better
            ones are no longer looked for; a large one, as 99, goes on until nothing can rank better.
        threshold: How much less likely than the `n_best`-th best that goes on a hypothesis may be, in nats, before it
            is dropped; with a large one, as 99, none is.
        allow_unknown: Whether <unk> may be written.
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
