"""The best few hypotheses side by side (Sutskever et al., 2014), every sentence of a batch for itself."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from seq2seq.errors import UserError
from seq2seq.search.interface import Hypothesis, Problem, check_limits, likeliest
from seq2seq.special import BOS, EOS
from seq2seq.state import S, select

NEVER = float("-inf")


class Beams(NamedTuple):
    """Hypotheses of each sentence; those that are none rank -inf."""

    ids: Int[Tensor, "sentences beams length"]
    lengths: Int[Tensor, "sentences beams"]
    scores: Float[Tensor, "sentences beams"]
    ranks: Float[Tensor, "sentences beams"]


def penalty(length: Tensor | int, alpha: float) -> Tensor | float:
    """What a score of so many tokens, the end included, is divided by (Wu et al., 2016, equation 14)."""
    divisor: Tensor | float = ((5 + length) / 6) ** alpha
    return divisor


def beam_search(
    problem: Problem[S],
    limits: Int[Tensor, " batch"],
    beams: int = 5,
    length_penalty: float = 1.0,
    n_best: int = 1,
    patience: float = 0.2,
    threshold: float = 2.0,
) -> list[list[Hypothesis]]:
    """The `n_best` best-ranked hypotheses found for each sentence, best first.

    A hypothesis leaves the batch once it is not hoped to rank among its sentence's best, or is far less likely than
    those beside it (Freitag and Al-Onaizan, 2017, "absolute threshold pruning"), so that the result does not depend on
    what else is in the batch. At its limit, a hypothesis counts as it stands, without an end.

    Args:
        problem: What is searched.
        limits: Most tokens of each sentence's hypotheses.
        beams: Hypotheses that are followed at once.
        length_penalty: Exponent of the length by which scores are divided; 0 compares plain log-probabilities.
        n_best: Hypotheses returned, at most as many as beams.
        patience: How much longer hypotheses are hoped to become at no cost, as a share of their length; with 0 they are
            weighed as they stand, and with infinity a sentence goes on until nothing can rank better.
        threshold: How much less likely than the `n_best`-th of those that go on a hypothesis may be, in nats; with
            infinity none is too unlikely.
    """
    if not 1 <= n_best <= beams:
        raise UserError(f"n_best must be from 1 to the number of beams ({beams}), and {n_best} was given")
    if length_penalty < 0:
        raise UserError(f"the length penalty must be at least 0, and {length_penalty} was given")
    if not patience >= 0:
        raise UserError(f"patience must be at least 0, and {patience} was given")
    if not threshold >= 0:
        raise UserError(f"the threshold must be at least 0, and {threshold} was given")
    check_limits(limits)
    step, state, device = problem.step, problem.state, limits.device
    alive = torch.arange(len(limits), device=device)
    longest = int(limits.max()) if len(limits) else 0
    ids = torch.empty((len(limits), beams, 0), dtype=torch.long, device=device)
    none = torch.full((len(limits), beams), NEVER, device=device)
    done = Beams(ids, torch.zeros_like(none, dtype=torch.long), none, none)
    scores = none.clone()
    scores[:, 0] = 0.0  # the one beginning
    tokens = torch.full_like(done.lengths, BOS)
    rows = torch.arange(len(limits), device=device) * beams  # places of what is followed, among all that could be
    found: list[list[Hypothesis]] = [[] for _ in limits]

    for length in range(1, longest + 1):  # tokens written after this step, the end included
        logits, state = step(tokens.flatten()[rows], state)
        # twice as many as beams, of which at most half can be ends: as many as beams can always go on
        further = min(2 * beams, logits.shape[-1])
        gains, words = likeliest(logits, further)
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
            done = keep_best(done, Beams(extended(ids, parents, tokens), lengths, best, ranks))
        scores, kept = best.masked_fill(ends, NEVER).topk(beams, dim=-1)
        parents, tokens = parents.gather(1, kept), tokens.gather(1, kept)
        ids = extended(ids, parents, tokens)

        full = limits[alive] == length
        if full.any():
            ranks = torch.where(full[:, None], scores / penalty(length, length_penalty), NEVER)
            done = keep_best(done, Beams(ids, torch.full_like(tokens, length), scores, ranks))
        # a hypothesis that goes on ranks at most as high as this: its score only falls, and the divisor grows with it
        ceilings = scores / penalty(limits[alive, None].clamp(max=length * (1 + patience)), length_penalty)
        last = n_best - 1
        lost = full[:, None] | (ceilings <= done.ranks[:, last:n_best]) | (scores < scores[:, last:n_best] - threshold)
        scores = scores.masked_fill(lost, NEVER)

        number = torch.zeros(scores.numel(), dtype=torch.long, device=device)
        number[rows] = torch.arange(len(rows), device=device)
        before = number.view(len(alive), beams).gather(1, parents)
        going = scores[:, 0] > NEVER
        if not going.all():
            over, going = (~going).nonzero().squeeze(1), going.nonzero().squeeze(1)
            finished = unpack(select(done, over))
            for sentence, hypotheses in zip(alive[over].tolist(), finished, strict=True):
                found[sentence] = hypotheses[:n_best]
            if not len(going):
                break
            alive, ids, scores, tokens, before = (part[going] for part in (alive, ids, scores, tokens, before))
            done = select(done, going)
            step = problem.narrow(alive)
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


def keep_best(done: Beams, new: Beams) -> Beams:
    """The best-ranked of both, as many as `done` holds."""
    ranks, places = torch.cat([done.ranks, new.ranks], dim=1).topk(done.ranks.shape[1], dim=1)
    lengths, scores = (
        torch.cat([old, more], dim=1).gather(1, places)
        for old, more in ((done.lengths, new.lengths), (done.scores, new.scores))
    )
    ids = torch.cat([done.ids, new.ids], dim=1)
    return Beams(ids.gather(1, places[..., None].expand(-1, -1, ids.shape[2])), lengths, scores, ranks)


def unpack(beams: Beams) -> list[list[Hypothesis]]:
    """As lists, without what is no hypothesis."""
    return [
        [
            Hypothesis(row[:length], score, ranked)
            for row, length, score, ranked in zip(*sentence, strict=True)
            if ranked != NEVER
        ]
        for sentence in zip(*(part.tolist() for part in beams), strict=True)
    ]
