"""What a search needs to know: a function that scores the next token, and the state that it starts from."""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeAlias

from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.errors import UserError
from seq2seq.kernels import search as kernels
from seq2seq.kernels.library import serves
from seq2seq.special import BOS, PAD
from seq2seq.state import S

Step: TypeAlias = Callable[[Int[Tensor, " rows"], S], tuple[Float[Tensor, "rows vocab"], S]]  # tokens, state -> logits


class Problem(NamedTuple, Generic[S]):
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
    rank: float  # what hypotheses are ordered by: the score after the length penalty


def check_limits(limits: Int[Tensor, " batch"]) -> None:
    """Raise a ValueError where a sentence may have no token at all."""
    if (limits < 1).any():
        raise UserError(f"every limit must be at least 1 token, and {int(limits.min())} was given")


def log_probabilities(logits: Float[Tensor, "rows vocab"]) -> Float[Tensor, "rows vocab"]:
    """In float32, as a model's own score says it, but with nothing for the marks that no text can hold."""
    scores = logits.float().log_softmax(dim=-1)
    scores[:, [PAD, BOS]] = float("-inf")
    return scores


def likeliest(
    logits: Float[Tensor, "rows vocab"], count: int
) -> tuple[Float[Tensor, "rows count"], Int[Tensor, "rows count"]]:
    """Log-probabilities and tokens, likeliest first, without the marks that no text can hold."""
    if serves(logits):
        return kernels.likeliest(logits, count)
    scores, tokens = log_probabilities(logits).topk(count, dim=-1)
    return scores, tokens
