"""The attention kernel equals the reference in torch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Float, Int
from torch import Tensor

from seq2seq.kernels.attention import attend
from seq2seq.kernels.library import library
from seq2seq.nn.attention import BilinearAttention, Encoding, Memory
from seq2seq.state import select

pytestmark = pytest.mark.skipif(library() is None, reason="needs a C++ compiler, and a processor with AVX2")


@settings(max_examples=60)
@given(
    sentences=st.lists(st.integers(0, 4), max_size=30).map(sorted),
    lengths=st.lists(st.integers(1, 9), min_size=5, max_size=5),
    key=st.integers(1, 150),
    value=st.integers(1, 150),
)
def test_each_row_attends_to_its_own_sentence(sentences: list[int], lengths: list[int], key: int, value: int) -> None:
    torch.manual_seed(1)
    longest = max(lengths)
    mask = torch.arange(longest) < torch.tensor(lengths)[:, None]
    memory = Memory(torch.randn(5, longest, key), torch.randn(5, longest, value), mask)
    rows, queries = torch.tensor(sentences).long(), torch.randn(len(sentences), key)
    context, weights = attend(queries, rows, *memory)
    expected, expected_weights = reference(queries, select(memory, rows))
    torch.testing.assert_close(weights, expected_weights, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(context, expected, atol=1e-5, rtol=1e-4)
    assert not weights[~mask[rows]].any()


def reference(queries: Float[Tensor, "rows size"], memory: Memory) -> tuple[Tensor, Tensor]:
    scores = (memory.keys @ queries[:, :, None]).squeeze(2)
    weights = scores.masked_fill(~memory.mask, float("-inf")).softmax(dim=1)
    return (weights[:, None] @ memory.values).squeeze(1), weights


@pytest.mark.parametrize("rows", [[0, 1, 2], [0, 0, 1, 2, 2, 2], [1, 1], [0, 2], [2]])
def test_attention_is_the_same_with_and_without_the_kernel(rows: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    attention = BilinearAttention(12, 20).requires_grad_(False)
    mask = torch.arange(6) < torch.tensor([6, 2, 4])[:, None]
    memory = attention.project_keys(Encoding(torch.randn(3, 6, 20), torch.randn(3, 20), mask))
    queries, sentences = torch.randn(len(rows), 12), torch.tensor(rows)
    by_kernel = attention.step_rows(queries, memory, (), sentences)
    called: list[Int[Tensor, " rows"]] = []
    monkeypatch.setattr("seq2seq.nn.attention.kernels_available", lambda *tensors: called.append(sentences))
    by_torch = attention.step_rows(queries, memory, (), sentences)
    assert called
    for actual, expected in zip(by_kernel[:2], by_torch[:2], strict=True):
        torch.testing.assert_close(actual, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("padding", [float("nan"), float("inf"), float("-inf"), 1e38])
def test_padding_is_ignored_and_a_fully_masked_sentence_has_zero_weights(padding: float) -> None:
    torch.manual_seed(1)
    mask = torch.arange(9) < torch.tensor([9, 0, 4])[:, None]
    states = torch.randn(3, 9, 70).masked_fill(~mask[..., None], 0.0)
    queries, rows = torch.randn(5, 70), torch.tensor([0, 1, 1, 2, 2])
    expected = attend(queries, rows, states, states, mask)
    padded = states.masked_fill(~mask[..., None], padding)
    context, weights = attend(queries, rows, padded, padded, mask)
    assert torch.equal(context, expected[0])
    assert torch.equal(weights, expected[1])
    assert not context[1:3].any()
    assert not weights[1:3].any()
    torch.testing.assert_close(weights.sum(dim=1), torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0]))
