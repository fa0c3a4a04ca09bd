"""What a search needs: a function that scores the next token, the state it starts from, and what may not be written."""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeAlias

from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.errors import UserError
from seq2seq.kernels import search as kernels
from seq2seq.kernels.library import serves
from seq2seq.special_tokens import BOS, PAD, UNK
from seq2seq.state import S

Step: TypeAlias = Callable[[Int[Tensor, " rows"], S], tuple[Float[Tensor, "rows vocab"], S]]  # tokens, state -> logits


class DecodingProblem(NamedTuple, Generic[S]):
    """What a batch of sentences is searched with.

    `state` has one row a sentence. A search that follows several hypotheses of a sentence has as many rows for each in
    the state that it gives to `step`, picked with `select` in the order of the sentences. `narrow(sentences)` gives the
    step of some of the sentences, counted from those at the start, so that finished ones can leave.
    """

    step: Step[S]
    state: S
    narrow: Callable[[Int[Tensor, " kept"]], Step[S]]


class Hypothesis(NamedTuple):
    """A sequence that a search found."""

    ids: list[int]  # without begin and end
    score: float  # its log-probability: the sum over its tokens and its end
    rank: float  # the score after the length penalty, by which hypotheses are ordered, those without an end last
    ended: bool  # whether it has its end mark, and was not cut off at its limit
    limited: bool  # whether the limit cut it off, or another one that ranked above it


def excluded(allow_unknown: bool) -> list[int]:
    """Return the tokens that no search writes: padding, the begin mark and, unless allowed, the unknown token."""
    return [PAD, BOS] if allow_unknown else [PAD, UNK, BOS]


def check_limits(limits: Int[Tensor, " batch"]) -> None:
    """Raise a UserError where a sentence may have no token at all."""
    if (limits < 1).any():
        raise UserError(f"every limit must be at least 1 token, and {int(limits.min())} was given")


def no_next_token_error() -> UserError:
    """Return the error for logits from which no token can be chosen."""
    return UserError("the model gives NaN for the next token, or probability 0 to all that can be written")


def log_probabilities(logits: Float[Tensor, "rows vocab"], allow_unknown: bool = False) -> Float[Tensor, "rows vocab"]:
    """Return the model's own log-probabilities in float32, with -inf for the tokens that are never written."""
    scores = logits.float().log_softmax(dim=-1)
    scores[:, excluded(allow_unknown)] = float("-inf")
    return scores


def top_tokens(
    logits: Float[Tensor, "rows vocab"], count: int, allow_unknown: bool = False
) -> tuple[Float[Tensor, "rows count"], Int[Tensor, "rows count"]]:
    """Return the `count` largest of `log_probabilities` and their tokens, likeliest first."""
    if serves(logits):
        return kernels.likeliest(logits, count, excluded(allow_unknown))
    scores, tokens = log_probabilities(logits, allow_unknown).topk(count, dim=-1)
    return scores, tokens
