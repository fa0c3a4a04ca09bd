"""Constraints on what a search may generate: the tokens that are excluded at each step, whatever the model gives them.

Every search is one of these dataclasses, and asks it at each step. A new constraint is a field here, and a line in
`excluded_tokens` if it excludes the same tokens for all sequences, or in `exclude_by_prefix` if it needs to know what
each one has generated so far.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seq2seq.ranges import CountOrZero, check_fields
from seq2seq.special_tokens import BOS, EOS, PAD, UNK

if TYPE_CHECKING:  # torch takes seconds to import, and the command line needs only the fields
    from jaxtyping import Float, Int
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Constraints:
    """Constraints on the sequences that a search generates.

    Args:
        allow_unknown: Allow <unk> in the output.
        min_length: Minimum tokens of a sequence, unless its limit is lower.
        no_repeat_ngram_size: Generate no sequence of this many tokens twice (Paulus et al., 2018); 0 turns it off.
    """

    allow_unknown: bool = False
    min_length: CountOrZero = 0
    no_repeat_ngram_size: CountOrZero = 0

    def __post_init__(self) -> None:
        check_fields(self)

    def excluded_tokens(self, length: int) -> list[int]:
        """Return the tokens that no sequence may have after its first `length` tokens."""
        excluded = [PAD, BOS] if self.allow_unknown else [PAD, UNK, BOS]
        return [*excluded, EOS] if length < self.min_length else excluded

    @property
    def need_prefixes(self) -> bool:
        """Whether `exclude_by_prefix` excludes anything; a search without such constraints need not call it."""
        return self.no_repeat_ngram_size > 0

    def exclude_by_prefix(
        self,
        scores: "Float[Tensor, 'rows vocab']",
        prefixes: "Int[Tensor, 'rows length']",
        sentences: "Int[Tensor, ' rows']",
    ) -> None:
        """Set the scores of tokens to -inf that may not follow what a row has generated so far.

        Args:
            scores: Logits or log-probabilities of the whole vocabulary, changed in place; with a shortlist, those of
                other tokens are -inf already.
            prefixes: The tokens that each row has generated.
            sentences: Index of each row's sentence in the batch.
        """
        size, length = self.no_repeat_ngram_size, prefixes.shape[1]
        if not 0 < size <= length:
            return
        ngrams = prefixes.unfold(1, size, 1)  # [rows, positions, size]
        repeated = (ngrams[..., :-1] == prefixes[:, None, length - size + 1 :]).all(dim=-1)
        rows, positions = repeated.nonzero(as_tuple=True)
        scores[rows, ngrams[rows, positions, -1]] = float("-inf")
