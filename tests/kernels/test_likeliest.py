"""The top-k kernel equals torch's top-k of all log-probabilities."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.kernels.library import library
from seq2seq.kernels.search import topk_log_probabilities
from seq2seq.search.constraints import Constraints
from seq2seq.search.problem import log_probabilities
from seq2seq.special_tokens import BOS, PAD, UNK

pytestmark = pytest.mark.skipif(library() is None, reason="needs a C++ compiler, and a processor with AVX2")

seeds = st.integers(0, 2**30)


@settings(max_examples=100)
@given(
    rows=st.integers(0, 9),
    size=st.integers(4, 300),
    count=st.integers(1, 12),
    spread=st.sampled_from([0.1, 3.0, 50.0]),
    seed=seeds,
    allow_unknown=st.booleans(),
)
def test_topk_equals_sorting_all_log_probabilities(
    rows: int, size: int, count: int, spread: float, seed: int, allow_unknown: bool
) -> None:
    logits = spread * torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))
    logits[:, [PAD, UNK, BOS]] += 2 * spread  # so that excluding them matters
    count = min(count, size - 3)
    constraints = Constraints(allow_unknown=allow_unknown)
    scores, tokens = topk_log_probabilities(logits, count, constraints.excluded_tokens(1))
    reference = log_probabilities(logits, constraints, 1)
    expected, _ = reference.topk(count, dim=-1)
    torch.testing.assert_close(scores, expected, atol=1e-5 * max(1.0, spread), rtol=1e-5)
    torch.testing.assert_close(reference.gather(1, tokens), scores, atol=1e-5 * max(1.0, spread), rtol=1e-5)
    assert all(len(set(row)) == count for row in tokens.tolist())


def test_impossible_tokens_have_a_score_of_minus_infinity() -> None:
    logits = torch.full((2, 40), float("-inf"))
    logits[0, [5, 30]], logits[1, 17] = torch.tensor([1.0, 2.0]), 3.0
    scores, tokens = topk_log_probabilities(logits, 4, Constraints().excluded_tokens(1))
    assert tokens[0, :2].tolist() == [30, 5]
    assert tokens[1, 0] == 17
    assert scores.isinf().tolist() == [[False, False, True, True], [False, True, True, True]]
    assert scores[1, 0] == 0


@pytest.mark.parametrize("position", [0, 3, 39])
def test_nan_makes_all_scores_of_its_row_nan(position: int) -> None:
    logits = torch.randn(2, 40)
    logits[1, position] = float("nan")
    scores, _ = topk_log_probabilities(logits, 3, Constraints().excluded_tokens(1))
    assert scores.isnan().tolist() == [[False] * 3, [True] * 3]
