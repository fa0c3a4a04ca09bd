"""Beam search (Sutskever et al., 2014), batched, with results that do not depend on the rest of the batch."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from seq2seq.ranges import Count, checked
from seq2seq.search.problem import (
    DecodingProblem,
    Hypothesis,
    Prefixes,
    check_limits,
    no_next_token_error,
    top_tokens,
)
from seq2seq.search.searches import Beam
from seq2seq.special_tokens import BOS, EOS
from seq2seq.state import S, select

NEG_INF = float("-inf")


class Hypotheses(NamedTuple):
    """Hypotheses of each sentence; empty slots have a normalized score of -inf."""

    ids: Int[Tensor, "sentences beams length"]
    lengths: Int[Tensor, "sentences beams"]
    scores: Float[Tensor, "sentences beams"]
    normalized_scores: Float[Tensor, "sentences beams"]


def length_divisor(length: Tensor | int, length_penalty: float) -> Tensor | float:
    """Return the divisor of a score of this many tokens, EOS included (Wu et al., 2016, equation 14)."""
    divisor: Tensor | float = ((5 + length) / 6) ** length_penalty
    return divisor


@checked
def beam_search(
    problem: DecodingProblem[S], limits: Int[Tensor, " batch"], options: Beam, n_best: Count = 1
) -> list[list[Hypothesis]]:
    """Return the `n_best` best-ranked hypotheses found for each sentence, best first; there may be fewer.

    A hypothesis is pruned once it is not expected to rank among its sentence's best, or is far less likely than the
    others of its beam (Freitag and Al-Onaizan, 2017, "absolute threshold pruning"), so that the result does not depend
    on what else is in the batch. One that reaches its limit is cut off there and ranks behind all finished ones.

    Args:
        problem: The search problem.
        limits: Maximum number of tokens of each sentence's hypotheses.
        options: Options of the search. With infinity as its patience, the search goes on until nothing can rank better;
            as its threshold, no hypothesis is too unlikely.
        n_best: Number of hypotheses to return; may be more than beams.

    Raises:
        UserError: if the model gives NaN, or probability 0 to all tokens that can be generated.
    """
    check_limits(limits)
    step, state, device = problem.step, problem.state, limits.device
    beams, length_penalty = options.beams, options.length_penalty
    alive = torch.arange(len(limits), device=device)  # indices of the sentences that are still searched
    max_limit = int(limits.max()) if len(limits) else 0
    ids = torch.empty((len(limits), beams, 0), dtype=torch.long, device=device)
    none = torch.full((len(limits), max(beams, n_best)), NEG_INF, device=device)
    finished = Hypotheses(ids.new_empty((*none.shape, 0)), torch.zeros_like(none, dtype=torch.long), none, none)
    scores = none[:, :beams].clone()
    scores[:, 0] = 0.0  # at first there is one hypothesis: BOS
    tokens = torch.full_like(scores, BOS, dtype=torch.long)
    rows = torch.arange(len(limits), device=device) * beams  # slots of live hypotheses in [sentences, beams], flattened
    results: list[list[Hypothesis]] = [[] for _ in limits]

    for length in range(1, max_limit + 1):  # tokens generated after this step, EOS included
        logits, state = step(tokens.flatten()[rows], state)
        # twice the beam size, of which at most half are EOS: a full beam of unfinished hypotheses always remains
        candidates = min(2 * beams, logits.shape[-1])
        prefix_ids = ids.flatten(0, 1)[rows] if options.need_prefixes else None
        prefixes = Prefixes(prefix_ids, alive[rows // beams], problem.shortlist)
        token_scores, top_ids = top_tokens(logits, candidates, options, length - 1, prefixes)
        all_scores = scores.new_full((scores.numel(), candidates), NEG_INF)
        all_scores[rows] = scores.flatten()[rows, None] + token_scores
        all_ids = tokens.new_zeros(all_scores.shape)
        all_ids[rows] = top_ids
        best, indices = all_scores.view(len(alive), -1).topk(min(2 * beams, beams * candidates), dim=-1)
        parents, tokens = indices // candidates, all_ids.view(len(alive), -1).gather(1, indices)
        is_eos = tokens == EOS
        newly_finished = is_eos & (torch.arange(best.shape[1], device=device) < beams)
        finished = finished._replace(ids=F.pad(finished.ids, (0, 1)))
        if newly_finished.any():
            normalized = torch.where(newly_finished, best / length_divisor(length, length_penalty), NEG_INF)
            lengths = torch.full_like(tokens, length - 1)
            new = Hypotheses(append_tokens(ids, parents, tokens), lengths, best, normalized)
            finished = keep_best(finished, new)
        scores, kept = best.masked_fill(is_eos, NEG_INF).topk(beams, dim=-1)
        parents, tokens = parents.gather(1, kept), tokens.gather(1, kept)
        ids = append_tokens(ids, parents, tokens)

        at_limit = limits[alive] == length
        if at_limit.any():
            normalized = torch.where(at_limit[:, None], scores / length_divisor(length, length_penalty), NEG_INF)
            finished = fill_up(finished, Hypotheses(ids, torch.full_like(tokens, length), scores, normalized))
        # an upper bound of what an unfinished hypothesis can reach: its score only falls, and the divisor grows with it
        max_length = limits[alive, None].clamp(max=length * (1 + options.patience))
        bounds = scores / length_divisor(max_length, length_penalty)
        worst, nth_score = finished.normalized_scores[:, n_best - 1 : n_best], scores[:, min(n_best, beams) - 1, None]
        pruned = at_limit[:, None] | (bounds <= worst) | (scores < nth_score - options.threshold)
        live_scores = scores.masked_fill(pruned, NEG_INF)

        state_row = torch.zeros(scores.numel(), dtype=torch.long, device=device)  # row in the state of each slot
        state_row[rows] = torch.arange(len(rows), device=device)
        parent_rows = state_row.view(len(alive), beams).gather(1, parents)
        unfinished = live_scores[:, 0] > NEG_INF
        if not unfinished.all():
            done, unfinished = (~unfinished).nonzero().squeeze(1), unfinished.nonzero().squeeze(1)
            if best[done, 0].isnan().any():  # a sentence with NaN is always among them
                raise no_next_token_error()
            truncated = torch.where(at_limit, scores[:, 0] / length_divisor(length, length_penalty), NEG_INF)
            found = unpack(select(finished, done), limits[alive[done]], truncated[done])
            for sentence, hypotheses in zip(alive[done].tolist(), found, strict=True):
                if not hypotheses:
                    raise no_next_token_error()
                results[sentence] = hypotheses[:n_best]
            if not len(unfinished):
                break
            alive, ids, live_scores, tokens, parent_rows = (
                part[unfinished] for part in (alive, ids, live_scores, tokens, parent_rows)
            )
            finished = select(finished, unfinished)
            step = problem.restrict(alive)
        scores = live_scores
        rows = (scores.flatten() > NEG_INF).nonzero().squeeze(1)
        state = select(state, parent_rows.flatten()[rows])
    return results


def append_tokens(
    ids: Int[Tensor, "sentences beams length"],
    parents: Int[Tensor, "sentences kept"],
    tokens: Int[Tensor, "sentences kept"],
) -> Int[Tensor, "sentences kept length+1"]:
    """Return the parents' ids, each with one more token."""
    prefixes = ids.gather(1, parents[..., None].expand(-1, -1, ids.shape[2]))
    return torch.cat([prefixes, tokens[..., None]], dim=2)


def keep_best(finished: Hypotheses, new: Hypotheses) -> Hypotheses:
    """Return the best-ranked of both, as many as `finished` has slots."""
    scores = torch.cat([finished.normalized_scores, new.normalized_scores], dim=1)
    return gather_hypotheses(finished, new, scores.topk(finished.normalized_scores.shape[1], dim=1).indices)


def fill_up(finished: Hypotheses, truncated: Hypotheses) -> Hypotheses:
    """Put hypotheses that were cut off at their limit behind the finished ones, into the empty slots."""
    taken = torch.cat([finished.normalized_scores, truncated.normalized_scores], dim=1) > NEG_INF
    indices = taken.sort(dim=1, descending=True, stable=True).indices  # the order of both is kept
    return gather_hypotheses(finished, truncated, indices[:, : finished.normalized_scores.shape[1]])


def gather_hypotheses(first: Hypotheses, second: Hypotheses, indices: Int[Tensor, "sentences kept"]) -> Hypotheses:
    """Return the hypotheses at these indices in the concatenation of both."""
    ids, *rest = (torch.cat(both, dim=1) for both in zip(first, second, strict=True))
    expanded = indices[..., None].expand(-1, -1, ids.shape[2])
    return Hypotheses(ids.gather(1, expanded), *(part.gather(1, indices) for part in rest))


def unpack(
    finished: Hypotheses, limits: Int[Tensor, " sentences"], truncated: Float[Tensor, " sentences"]
) -> list[list[Hypothesis]]:
    """Return lists of hypotheses, without the empty slots.

    Args:
        finished: The hypotheses.
        limits: Maximum number of tokens of each sentence's hypotheses.
        truncated: Normalized score of the best hypothesis that was cut off at its limit, -inf for none.
    """
    return [
        [
            Hypothesis(row[:length], score, normalized, length < limit, length == limit or normalized < best_truncated)
            for row, length, score, normalized in zip(*sentence, strict=True)
            if normalized != NEG_INF
        ]
        for limit, best_truncated, *sentence in zip(
            *(part.tolist() for part in (limits, truncated, *finished)), strict=True
        )
    ]
