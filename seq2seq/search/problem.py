"""The interface between models and searches: the step function, the initial state and the scores of tokens."""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeAlias

from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.errors import UserError
from seq2seq.kernels import search as kernels
from seq2seq.kernels.library import kernels_available
from seq2seq.search.constraints import Constraints
from seq2seq.state import S

Step: TypeAlias = Callable[[Int[Tensor, " rows"], S], tuple[Float[Tensor, "rows vocab"], S]]  # tokens, state -> logits


class DecodingProblem(NamedTuple, Generic[S]):
    """The search problem of a batch of sentences.

    `state` has one row per sentence. A search with several hypotheses per sentence passes as many rows of each to
    `step`, chosen with `select` in the order of the sentences. `restrict(sentences)` returns the step for the sentences
    with these indices in the original batch, so that finished ones can be removed.
    """

    step: Step[S]
    state: S
    restrict: Callable[[Int[Tensor, " kept"]], Step[S]]


class Hypothesis(NamedTuple):
    """A sequence that a search found."""

    ids: list[int]  # without BOS and EOS
    score: float  # log-probability of its tokens and EOS
    normalized_score: float  # score after the length penalty: the order of hypotheses, unfinished ones last
    finished: bool  # whether it ends with EOS, and was not cut off at its limit
    truncated: bool  # whether the limit cut it off, or another hypothesis that ranked above it


def check_limits(limits: Int[Tensor, " batch"]) -> None:
    """Raise a UserError for a limit below 1 token."""
    if (limits < 1).any():
        raise UserError(f"every limit must be at least 1 token, and {int(limits.min())} was given")


def no_next_token_error() -> UserError:
    """Return the error for logits from which no token can be chosen."""
    return UserError("the model gives NaN for the next token, or probability 0 to all that can be generated")


def log_probabilities(
    logits: Float[Tensor, "rows vocab"],
    constraints: Constraints,
    length: int,
    prefixes: Int[Tensor, "rows length"] | None = None,
) -> Float[Tensor, "rows vocab"]:
    """Return the model's log-probabilities in float32, with -inf for excluded tokens.

    Args:
        logits: The logits.
        constraints: What may be generated.
        length: Number of tokens generated so far.
        prefixes: The tokens that each row has generated so far, if the constraints need them.
    """
    scores = logits.float().log_softmax(dim=-1)
    scores[:, constraints.excluded_tokens(length)] = float("-inf")
    if prefixes is not None:
        constraints.exclude_by_prefix(scores, prefixes)
    return scores


def top_tokens(
    logits: Float[Tensor, "rows vocab"],
    count: int,
    constraints: Constraints,
    length: int,
    prefixes: Int[Tensor, "rows length"] | None = None,
) -> tuple[Float[Tensor, "rows count"], Int[Tensor, "rows count"]]:
    """Return the `count` largest `log_probabilities` and their tokens, most likely first."""
    if prefixes is None and kernels_available(logits):
        return kernels.topk_log_probabilities(logits, count, constraints.excluded_tokens(length))
    scores, tokens = log_probabilities(logits, constraints, length, prefixes).topk(count, dim=-1)
    return scores, tokens
