"""The interface between models and searches: the step function, the initial state and the scores of tokens."""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.errors import UserError
from seq2seq.kernels import search as kernels
from seq2seq.kernels.library import kernels_available
from seq2seq.search.constraints import Constraints
from seq2seq.special_tokens import NO_TOKEN, NUM_SPECIAL
from seq2seq.state import S

Step: TypeAlias = Callable[[Int[Tensor, " rows"], S], tuple[Float[Tensor, "rows vocab"], S]]  # tokens, state -> logits


class ShortlistIds(NamedTuple):
    """The tokens that the logits of a step stand for, if it computes those of a shortlist only."""

    ids: Int[Tensor, "sentences shortlist"]  # all special tokens first; NO_TOKEN at the end of shorter ones
    vocab_size: int


class DecodingProblem(NamedTuple, Generic[S]):
    """The search problem of a batch of sentences.

    `state` has one row per sentence. A search with several hypotheses per sentence passes as many rows of each to
    `step`, chosen with `select` in the order of the sentences. `restrict(sentences)` returns the step for the sentences
    with these indices in the original batch, so that finished ones can be removed. With `shortlist`, the search works
    on indices in each sentence's shortlist, and its constraints on the tokens themselves.
    """

    step: Step[S]
    state: S
    restrict: Callable[[Int[Tensor, " kept"]], Step[S]]
    shortlist: ShortlistIds | None = None


class Prefixes(NamedTuple):
    """What the rows of a search have generated so far, for its constraints."""

    tokens: Int[Tensor, "rows length"] | None  # None if the constraints do not need them
    sentences: Int[Tensor, " rows"]  # index of each row's sentence in the batch
    shortlist: ShortlistIds | None = None  # if so, `tokens` are indices in it


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
    logits: Float[Tensor, "rows columns"], constraints: Constraints, length: int, prefixes: Prefixes | None = None
) -> Float[Tensor, "rows columns"]:
    """Return the model's log-probabilities in float32, with -inf for excluded tokens.

    Args:
        logits: The logits, of the whole vocabulary or of each row's shortlist.
        constraints: What may be generated.
        length: Number of tokens generated so far.
        prefixes: What each row has generated so far, if the constraints need it or there is a shortlist.
    """
    scores = logits.float().log_softmax(dim=-1)
    if prefixes is None or prefixes.shortlist is None:
        scores[:, constraints.excluded_tokens(length)] = float("-inf")
        if prefixes is not None and prefixes.tokens is not None:
            constraints.exclude_by_prefix(scores, prefixes.tokens, prefixes.sentences)
        return scores
    ids, vocab_size = prefixes.shortlist.ids[prefixes.sentences], prefixes.shortlist.vocab_size
    excluded = torch.tensor(constraints.excluded_tokens(length), device=ids.device)
    scores.masked_fill_(torch.isin(ids, excluded), float("-inf"))
    if prefixes.tokens is not None:
        columns = ids.where(ids != NO_TOKEN, vocab_size)  # of one more token than there are
        all_scores = scores.new_full((len(scores), vocab_size + 1), float("-inf")).scatter_(1, columns, scores)
        constraints.exclude_by_prefix(all_scores[:, :-1], ids.gather(1, prefixes.tokens), prefixes.sentences)
        scores = all_scores.gather(1, columns)
    return scores


def top_tokens(
    logits: Float[Tensor, "rows columns"],
    count: int,
    constraints: Constraints,
    length: int,
    prefixes: Prefixes | None = None,
) -> tuple[Float[Tensor, "rows count"], Int[Tensor, "rows count"]]:
    """Return the `count` largest `log_probabilities` and their tokens, most likely first."""
    if kernels_available(logits) and (prefixes is None or prefixes.tokens is None):
        excluded, shortlist = constraints.excluded_tokens(length), prefixes is not None and prefixes.shortlist
        # a special token has the same index in every shortlist
        if max(excluded, default=0) < (NUM_SPECIAL if shortlist else kernels.MASK_BITS):
            return kernels.topk_log_probabilities(logits, count, excluded)
    scores, tokens = log_probabilities(logits, constraints, length, prefixes).topk(count, dim=-1)
    return scores, tokens
