"""The kernel of attention looks where the plain one looks."""

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
def test_each_row_looks_at_its_own_sentence(sentences: list[int], lengths: list[int], key: int, value: int) -> None:
    torch.manual_seed(1)
    longest = max(lengths)
    real = torch.arange(longest) < torch.tensor(lengths)[:, None]
    memory = Memory(torch.randn(5, longest, key), torch.randn(5, longest, value), real)
    rows, queries = torch.tensor(sentences).long(), torch.randn(len(sentences), key)
    context, weights = attend(queries, rows, *memory)
    expected, looked = plainly(queries, select(memory, rows))
    torch.testing.assert_close(weights, looked, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(context, expected, atol=1e-5, rtol=1e-4)
    assert not weights[~real[rows]].any()


def plainly(queries: Float[Tensor, "rows size"], memory: Memory) -> tuple[Tensor, Tensor]:
    scores = (memory.keys @ queries[:, :, None]).squeeze(2)
    weights = scores.masked_fill(~memory.real, float("-inf")).softmax(dim=1)
    return (weights[:, None] @ memory.values).squeeze(1), weights


@pytest.mark.parametrize("rows", [[0, 1, 2], [0, 0, 1, 2, 2, 2], [1, 1], [0, 2], [2]])
def test_an_attention_looks_the_same_with_and_without_it(rows: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    attention = BilinearAttention(12, 20).requires_grad_(False)
    real = torch.arange(6) < torch.tensor([6, 2, 4])[:, None]
    memory = attention.remember(Encoding(torch.randn(3, 6, 20), torch.randn(3, 20), real))
    queries, sentences = torch.randn(len(rows), 12), torch.tensor(rows)
    found = attention.look(queries, memory, sentences)
    called: list[Int[Tensor, " rows"]] = []
    monkeypatch.setattr("seq2seq.nn.attention.serves", lambda *tensors: called.append(sentences))
    plain = attention.look(queries, memory, sentences)
    assert called
    for one, other in zip(found, plain, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("padding", [float("nan"), float("inf"), float("-inf"), 1e38])
def test_padding_may_hold_anything_and_a_sentence_of_it_alone_has_no_weights(padding: float) -> None:
    torch.manual_seed(1)
    real = torch.arange(9) < torch.tensor([9, 0, 4])[:, None]
    states = torch.randn(3, 9, 70).masked_fill(~real[..., None], 0.0)
    queries, rows = torch.randn(5, 70), torch.tensor([0, 1, 1, 2, 2])
    expected = attend(queries, rows, states, states, real)
    filled = states.masked_fill(~real[..., None], padding)
    context, weights = attend(queries, rows, filled, filled, real)
    assert torch.equal(context, expected[0])
    assert torch.equal(weights, expected[1])
    assert not context[1:3].any()
    assert not weights[1:3].any()
    torch.testing.assert_close(weights.sum(dim=1), torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0]))
