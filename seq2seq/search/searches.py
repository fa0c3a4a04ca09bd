"""The searches as objects: frozen dataclasses whose fields are the options of every command that searches.

Their algorithms are in modules of their own, imported when a search runs, since the command line needs only the fields
and torch takes seconds to import.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seq2seq.errors import UserError
from seq2seq.ranges import (
    Beams,
    CountOrZero,
    LengthPenalty,
    NonNegative,
    NonNegativeOrInfinite,
    Probability,
    Seed,
    TopP,
)
from seq2seq.search.constraints import Constraints

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor

    from seq2seq.search.problem import DecodingProblem, Hypothesis


@dataclass(frozen=True, kw_only=True)
class Search(Constraints, ABC):
    """A search for sequences that are likely under a model.

    A subclass is a frozen dataclass that defines `__call__`. Its fields need defaults or become required options, their
    ranges are in their types, as in `width: Count = 3`, and the `Args:` of its docstring become the help texts.
    """

    @abstractmethod
    def __call__(
        self, problem: "DecodingProblem[Any]", limits: "Int[Tensor, ' batch']", n_best: int = 1
    ) -> "list[list[Hypothesis]]":
        """Return the `n_best` best hypotheses found for each sentence, best first; at least one, there may be fewer.

        Args:
            problem: The search problem of a batch of sentences.
            limits: Maximum number of tokens of each sentence's hypotheses, EOS included, where they are cut off.
            n_best: Number of hypotheses.

        Raises:
            UserError: if the model gives NaN, or probability 0 to all tokens that can be generated.
        """

    def check_n_best(self, n_best: int) -> None:
        """Raise a UserError if the search cannot find that many hypotheses; called before anything is loaded."""

    def rows_per_sentence(self, n_best: int) -> int:
        """Return the largest number of hypotheses of a sentence in one step, by which batches are limited in memory."""
        return n_best


@dataclass(frozen=True)
class Greedy(Search):
    """Greedy search: the most likely next token at every step."""

    def __call__(
        self, problem: "DecodingProblem[Any]", limits: "Int[Tensor, ' batch']", n_best: int = 1
    ) -> "list[list[Hypothesis]]":
        from seq2seq.search.greedy import greedy_search

        return greedy_search(problem, limits, self)

    def check_n_best(self, n_best: int) -> None:
        if n_best > 1:
            raise UserError(f"n_best must be 1 in greedy search, and {n_best} was given")


@dataclass(frozen=True)
class Beam(Search):
    """Beam search (Sutskever et al., 2014).

    Args:
        beams: Beam size; 1 is greedy search.
        length_penalty: Exponent of the length normalization of scores (Wu et al., 2016); 0 turns it off, which favors
            short sequences.
        patience: Early stopping: a hypothesis is dropped if it would not rank among the best after growing by this
            share of its length at no cost; with a large value, such as 99, only if it cannot rank among the best.
        threshold: Pruning: drop hypotheses that are this many nats less likely than the best unfinished one, or than
            the N-th best where N are returned; a large value, such as 99, keeps all.
    """

    beams: Beams = 5
    length_penalty: LengthPenalty = 1.0
    patience: NonNegativeOrInfinite = 0.2
    threshold: NonNegativeOrInfinite = 2.0

    def __call__(
        self, problem: "DecodingProblem[Any]", limits: "Int[Tensor, ' batch']", n_best: int = 1
    ) -> "list[list[Hypothesis]]":
        from seq2seq.search.beam import beam_search
        from seq2seq.search.greedy import greedy_search

        return greedy_search(problem, limits, self) if self.beams == 1 else beam_search(problem, limits, self, n_best)

    def check_n_best(self, n_best: int) -> None:
        if n_best > self.beams:
            raise UserError(f"n_best must be at most the number of beams ({self.beams}), and {n_best} was given")

    def rows_per_sentence(self, n_best: int) -> int:
        return self.beams


@dataclass(frozen=True)
class Sampling(Search):
    """Sampling from the model's distribution, after temperature and truncation in the order of the options.

    Each option starts from the renormalized probabilities of the one before. Ties are broken in favor of lower ids.
    Hypotheses are independent draws, the most likely first.

    Args:
        temperature: Sampling temperature, which divides the log-probabilities; 0 always takes the most likely token.
        top_k: Sample from this many of the most likely tokens (Fan et al., 2018); 0 for all.
        top_p: Of these, sample from the most likely tokens whose total probability reaches this value (Holtzman et al.,
            2020).
        min_p: Of these, sample from tokens with at least this fraction of the probability of the most likely one
            (Nguyen et al., 2024).
        seed: Random seed; the same seed gives the same text.
    """

    temperature: NonNegative = 1.0
    top_k: CountOrZero = 0
    top_p: TopP = 1.0
    min_p: Probability = 0.0
    seed: Seed = 1

    def __call__(
        self, problem: "DecodingProblem[Any]", limits: "Int[Tensor, ' batch']", n_best: int = 1
    ) -> "list[list[Hypothesis]]":
        from seq2seq.search.sampling import sampling_search

        return sampling_search(problem, limits, self, n_best)
