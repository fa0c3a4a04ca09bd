"""The best few hypotheses side by side (Sutskever et al., 2014), every sentence of a batch for itself."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from seq2seq.ranges import Beams, Count, LengthPenalty, NonNegativeOrInfinite, checked
from seq2seq.search.problem import DecodingProblem, Hypothesis, check_limits, no_next_token_error, top_tokens
from seq2seq.special_tokens import BOS, EOS
from seq2seq.state import S, select

NEVER = float("-inf")


class Hypotheses(NamedTuple):
    """Hypotheses of each sentence; free places rank -inf."""

    ids: Int[Tensor, "sentences beams length"]
    lengths: Int[Tensor, "sentences beams"]
    scores: Float[Tensor, "sentences beams"]
    ranks: Float[Tensor, "sentences beams"]


def penalty(length: Tensor | int, alpha: float) -> Tensor | float:
    """What a score of so many tokens, the end included, is divided by (Wu et al., 2016, equation 14)."""
    divisor: Tensor | float = ((5 + length) / 6) ** alpha
    return divisor


@checked
def beam_search(
    problem: DecodingProblem[S],
    limits: Int[Tensor, " batch"],
    beams: Beams = 5,
    length_penalty: LengthPenalty = 1.0,
    n_best: Count = 1,
    patience: NonNegativeOrInfinite = 0.2,
    threshold: NonNegativeOrInfinite = 2.0,
    allow_unknown: bool = False,
) -> list[list[Hypothesis]]:
    """Return the `n_best` best-ranked hypotheses found for each sentence, best first; there may be fewer.

    A hypothesis leaves the batch once it is not hoped to rank among its sentence's best, or is far less likely than
    those beside it (Freitag and Al-Onaizan, 2017, "absolute threshold pruning"), so that the result does not depend on
    what else is in the batch. One that reaches its limit is cut off there and ranks behind all that ended. Raises a
    UserError where the model gives NaN.

    Args:
        problem: What is searched.
        limits: Most tokens of each sentence's hypotheses.
        beams: Hypotheses that are followed at once.
        length_penalty: Exponent of the length by which scores are divided; 0 compares plain log-probabilities.
        n_best: Hypotheses returned, which may be more than beams.
        patience: How much longer hypotheses are hoped to become at no cost, as a share of their length; with 0 they are
            weighed as they stand, and with infinity a sentence goes on until nothing can rank better.
        threshold: How much less likely than the `n_best`-th of those that go on a hypothesis may be, in nats; with
            infinity none is too unlikely.
        allow_unknown: Whether the unknown token may be written.
    """
    check_limits(limits)
    step, state, device = problem.step, problem.state, limits.device
    alive = torch.arange(len(limits), device=device)
    longest = int(limits.max()) if len(limits) else 0
    ids = torch.empty((len(limits), beams, 0), dtype=torch.long, device=device)
    none = torch.full((len(limits), max(beams, n_best)), NEVER, device=device)
    done = Hypotheses(ids.new_empty((*none.shape, 0)), torch.zeros_like(none, dtype=torch.long), none, none)
    scores = none[:, :beams].clone()
    scores[:, 0] = 0.0  # the one beginning
    tokens = torch.full_like(scores, BOS, dtype=torch.long)
    rows = torch.arange(len(limits), device=device) * beams  # places of what is followed, among all that could be
    found: list[list[Hypothesis]] = [[] for _ in limits]

    for length in range(1, longest + 1):  # tokens written after this step, the end included
        logits, state = step(tokens.flatten()[rows], state)
        # twice as many as beams, of which at most half can be ends: as many as beams can always go on
        further = min(2 * beams, logits.shape[-1])
        gains, words = top_tokens(logits, further, allow_unknown)
        totals = scores.new_full((scores.numel(), further), NEVER)
        totals[rows] = scores.flatten()[rows, None] + gains
        written = tokens.new_zeros(totals.shape)
        written[rows] = words
        best, places = totals.view(len(alive), -1).topk(min(2 * beams, beams * further), dim=-1)
        parents, tokens = places // further, written.view(len(alive), -1).gather(1, places)
        ends = tokens == EOS
        ended = ends & (torch.arange(best.shape[1], device=device) < beams)
        done = done._replace(ids=F.pad(done.ids, (0, 1)))
        if ended.any():
            ranks = torch.where(ended, best / penalty(length, length_penalty), NEVER)
            lengths = torch.full_like(tokens, length - 1)
            done = keep_best(done, Hypotheses(extended(ids, parents, tokens), lengths, best, ranks))
        scores, kept = best.masked_fill(ends, NEVER).topk(beams, dim=-1)
        parents, tokens = parents.gather(1, kept), tokens.gather(1, kept)
        ids = extended(ids, parents, tokens)

        full = limits[alive] == length
        if full.any():
            ranks = torch.where(full[:, None], scores / penalty(length, length_penalty), NEVER)
            done = fill_up(done, Hypotheses(ids, torch.full_like(tokens, length), scores, ranks))
        # a hypothesis that goes on ranks at most as high as this: its score only falls, and the divisor grows with it
        ceilings = scores / penalty(limits[alive, None].clamp(max=length * (1 + patience)), length_penalty)
        worst, beside = done.ranks[:, n_best - 1 : n_best], scores[:, min(n_best, beams) - 1, None]
        lost = full[:, None] | (ceilings <= worst) | (scores < beside - threshold)
        followed = scores.masked_fill(lost, NEVER)

        number = torch.zeros(scores.numel(), dtype=torch.long, device=device)
        number[rows] = torch.arange(len(rows), device=device)
        before = number.view(len(alive), beams).gather(1, parents)
        going = followed[:, 0] > NEVER
        if not going.all():
            over, going = (~going).nonzero().squeeze(1), going.nonzero().squeeze(1)
            if best[over, 0].isnan().any():  # as it is in every sentence with NaN, which is over then
                raise no_next_token_error()
            cut = torch.where(full, scores[:, 0] / penalty(length, length_penalty), NEVER)
            finished = unpack(select(done, over), limits[alive[over]], cut[over])
            for sentence, hypotheses in zip(alive[over].tolist(), finished, strict=True):
                if not hypotheses:
                    raise no_next_token_error()
                found[sentence] = hypotheses[:n_best]
            if not len(going):
                break
            alive, ids, followed, tokens, before = (part[going] for part in (alive, ids, followed, tokens, before))
            done = select(done, going)
            step = problem.narrow(alive)
        scores = followed
        rows = (scores.flatten() > NEVER).nonzero().squeeze(1)
        state = select(state, before.flatten()[rows])
    return found


def extended(
    ids: Int[Tensor, "sentences beams length"],
    parents: Int[Tensor, "sentences kept"],
    tokens: Int[Tensor, "sentences kept"],
) -> Int[Tensor, "sentences kept length+1"]:
    """What the parents wrote, each with one more token."""
    before = ids.gather(1, parents[..., None].expand(-1, -1, ids.shape[2]))
    return torch.cat([before, tokens[..., None]], dim=2)


def keep_best(done: Hypotheses, new: Hypotheses) -> Hypotheses:
    """Return the best-ranked of both, as many as `done` holds."""
    places = torch.cat([done.ranks, new.ranks], dim=1).topk(done.ranks.shape[1], dim=1).indices
    return chosen(done, new, places)


def fill_up(done: Hypotheses, cut: Hypotheses) -> Hypotheses:
    """Put hypotheses that were cut off at their limit behind those that are done, in the places that are free."""
    taken = torch.cat([done.ranks, cut.ranks], dim=1) > NEVER
    places = taken.sort(dim=1, descending=True, stable=True).indices  # the order of both is kept
    return chosen(done, cut, places[:, : done.ranks.shape[1]])


def chosen(done: Hypotheses, new: Hypotheses, places: Int[Tensor, "sentences kept"]) -> Hypotheses:
    """Return those of both that stand at these places, counted through `done` and then `new`."""
    ids, *numbers = (torch.cat(both, dim=1) for both in zip(done, new, strict=True))
    deep = places[..., None].expand(-1, -1, ids.shape[2])
    return Hypotheses(ids.gather(1, deep), *(part.gather(1, places) for part in numbers))


def unpack(
    done: Hypotheses, limits: Int[Tensor, " sentences"], cut: Float[Tensor, " sentences"]
) -> list[list[Hypothesis]]:
    """Return lists of hypotheses, without the free places.

    Args:
        done: The hypotheses.
        limits: Most tokens of each sentence's.
        cut: Rank of the best that was cut off there, -inf for none.
    """
    return [
        [
            Hypothesis(row[:length], score, rank, length < limit, length == limit or rank < better)
            for row, length, score, rank in zip(*sentence, strict=True)
            if rank != NEVER
        ]
        for limit, better, *sentence in zip(*(part.tolist() for part in (limits, cut, *done)), strict=True)
    ]
