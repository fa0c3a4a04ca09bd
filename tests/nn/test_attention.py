"""Laws of looking at the source, and each kind against its formula."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from seq2seq.nn.attention import (
    AdditiveAttention,
    Attention,
    AttentionFactory,
    BilinearAttention,
    DotAttention,
    Encoding,
    FixedContext,
    MultiHeadAttention,
)
from seq2seq.state import repeat

KINDS: dict[str, AttentionFactory] = {
    "dot": DotAttention,
    "bilinear": BilinearAttention,
    "additive": AdditiveAttention,
    "heads": MultiHeadAttention,
}
each_kind = pytest.mark.parametrize("kind", KINDS)
SIZE, LENGTHS = 8, [5, 1, 3]
REAL = torch.arange(5) < torch.tensor(LENGTHS)[:, None]


def given(kind: str) -> tuple[Any, Tensor, Encoding]:
    torch.manual_seed(0)
    attention = {**KINDS, "fixed": FixedContext}[kind](SIZE, SIZE).double()
    states = torch.randn(3, 5, SIZE, dtype=torch.double)
    return attention, torch.randn(3, 4, SIZE, dtype=torch.double), Encoding(states, states[:, 0], REAL)


@each_kind
def test_weights_sum_to_one_and_are_zero_on_padding(kind: str) -> None:
    attention, query, encoding = given(kind)
    _, weights = attention(query, attention.remember(encoding))
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, 4, dtype=torch.double))
    assert (weights.masked_select(~REAL[:, None]) == 0).all()
    assert (weights.masked_select(REAL[:, None]) > 0).all()


def looked_at(attention: Any, query: Tensor, encoding: Encoding) -> list[Tensor]:
    """Contexts, weights, and the gradients of a mixture of both."""
    query, states, summary = (part.detach().requires_grad_() for part in (query, encoding.states, encoding.summary))
    context, weights = attention(query, attention.remember(encoding._replace(states=states, summary=summary)))
    mixture = context.cos().sum() + weights.square().sum()
    wanted = [query, states, summary, *attention.parameters()]
    return [context, weights, *torch.autograd.grad(mixture, wanted, materialize_grads=True)]


@each_kind
@pytest.mark.parametrize("padding", [1000.0, math.nan, math.inf, -math.inf])
def test_what_stands_on_padding_changes_nothing_and_learns_nothing(kind: str, padding: float) -> None:
    attention, query, encoding = given(kind)
    states = [encoding.states.masked_fill(~REAL[..., None], filling) for filling in (0.0, padding)]
    expected, found = (looked_at(attention, query, encoding._replace(states=x)) for x in states)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert found[3][REAL].any()
    assert not found[3][~REAL].any()


@pytest.mark.parametrize("kind", [*KINDS, "fixed"])
@pytest.mark.parametrize("padding", [0.0, math.nan])
def test_a_source_of_padding_alone_has_no_weights_and_a_context_of_zeros(kind: str, padding: float) -> None:
    attention, query, encoding = given(kind)
    real = torch.tensor([[True] * 5, [False] * 5, [False] * 5])
    encoding = Encoding(encoding.states.masked_fill(~real[..., None], padding), encoding.summary, real)
    found = looked_at(attention, query, encoding)
    assert all(part.isfinite().all() for part in found)
    context, weights, *slopes = found
    assert not context[1:].any()
    assert not weights[1:].any()
    assert context[0].any()
    assert not any(slope[1:].any() for slope in slopes[:2])


@each_kind
@pytest.mark.parametrize("served", [True, False], ids=["kernel", "plain"])
def test_rows_look_at_sentences_of_padding_alone_as_queries_do(
    kind: str, served: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    attention, query, encoding = given(kind)
    attention, query = attention.float().requires_grad_(False), query.float()
    real = torch.tensor([[True] * 5, [False] * 5, [True] * 3 + [False] * 2])
    memory = attention.remember(Encoding(encoding.states.float() / real[..., None], encoding.summary.float(), real))
    if not served:
        monkeypatch.setattr("seq2seq.nn.attention.serves", lambda *tensors: False)
    found = attention.look(query.flatten(0, 1), memory, torch.arange(3).repeat_interleave(4))
    for one, other in zip(found, attention(query, memory), strict=True):
        assert other.isfinite().all()
        torch.testing.assert_close(one, other.flatten(0, 1), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", [*KINDS, "fixed"])
@pytest.mark.parametrize(("rows", "steps", "words"), [(0, 4, 5), (3, 0, 5), (3, 4, 0), (0, 0, 0)])
def test_there_may_be_no_rows_no_queries_and_no_words(kind: str, rows: int, steps: int, words: int) -> None:
    attention, query, encoding = given(kind)
    encoding = Encoding(*(part[:rows, :words] if part.dim() > 1 else part for part in encoding))
    found = looked_at(attention, query[:rows, :steps], encoding._replace(summary=encoding.states.sum(dim=1)))
    assert found[0].shape == (rows, steps, SIZE)
    assert all(part.isfinite().all() for part in found)
    memory = attention.remember(encoding._replace(summary=encoding.states.sum(dim=1)))
    for sentences in (None, torch.arange(rows)):
        context, _ = attention.look(query[:rows, 0], memory, sentences)
        assert context.shape == (rows, SIZE)
        assert words or not context.any()


def formula(score: Callable[[Tensor, Tensor], Tensor], query: Tensor, encoding: Encoding) -> Tensor:
    """The context of each query, word by word."""
    contexts = []
    for row, length in enumerate(LENGTHS):
        for q in query[row]:
            states = encoding.states[row, :length]
            chances = torch.stack([score(q, state) for state in states]).exp()
            contexts.append(sum(chance * state for chance, state in zip(chances / chances.sum(), states, strict=True)))
    return torch.stack(contexts).view_as(query)


@pytest.mark.parametrize(
    ("kind", "score"),
    [
        ("dot", lambda a, q, k: q @ k),
        ("bilinear", lambda a, q, k: q @ a.project.weight @ k),
        (
            "additive",
            lambda a, q, k: a.judge.weight[0] @ (a.ask.weight @ q + a.project.weight @ k + a.project.bias).tanh(),
        ),
    ],
)
def test_the_context_is_that_of_the_formula(kind: str, score: Callable[..., Tensor]) -> None:
    attention, query, encoding = given(kind)
    context, _ = attention(query, attention.remember(encoding))
    torch.testing.assert_close(context, formula(lambda q, k: score(attention, q, k), query, encoding))


def test_several_heads_are_scaled_dot_products_side_by_side() -> None:
    attention, query, encoding = given("heads")
    joined, looked = [], []
    for head in torch.arange(SIZE).split(SIZE // attention.heads):
        asked, keys, values = (
            x @ linear.weight[head].T
            for linear, x in (
                (attention.ask, query),
                (attention.project, encoding.states),
                (attention.value, encoding.states),
            )
        )
        scores = torch.einsum("btf,bsf->bts", asked, keys) / math.sqrt(len(head))
        weights = scores.masked_fill(~REAL[:, None], -math.inf).softmax(dim=-1)
        joined.append(weights @ values)
        looked.append(weights)
    context, weights = attention(query, attention.remember(encoding))
    torch.testing.assert_close(context, torch.cat(joined, dim=-1) @ attention.out.weight.T)
    torch.testing.assert_close(weights, torch.stack(looked).mean(dim=0))


@each_kind
def test_several_queries_equal_one_at_a_time(kind: str) -> None:
    attention, query, encoding = given(kind)
    memory = attention.remember(encoding)
    contexts, weights = attention(query, memory)
    for t in range(query.shape[1]):
        context, looked = attention(query[:, t : t + 1], memory)
        torch.testing.assert_close(context[:, 0], contexts[:, t])
        torch.testing.assert_close(looked[:, 0], weights[:, t])


@each_kind
def test_rows_with_a_memory_of_their_own_equal_queries_that_share_one(kind: str) -> None:
    attention, query, encoding = given(kind)
    memory = attention.remember(encoding)
    shared, _ = attention(query, memory)
    own, _ = attention(query.flatten(0, 1)[:, None], repeat(memory, 4))
    torch.testing.assert_close(own.view_as(shared), shared)


@pytest.mark.parametrize("kind", ["bilinear", "additive", "heads"])
def test_keys_are_projected_once_a_sentence(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attention, query, encoding = given(kind)
    projections = []
    attention.project.register_forward_hook(lambda *_: projections.append(1))
    memory = attention.remember(encoding)
    for t in range(query.shape[1]):
        attention(query[:, t : t + 1], memory)
    assert len(projections) == 1


def test_without_attention_every_query_is_given_the_summary() -> None:
    torch.manual_seed(0)
    _, query, encoding = given("dot")
    fixed = FixedContext(SIZE, SIZE)
    for asked in (query, -query):
        context, weights = fixed(asked, fixed.remember(encoding))
        torch.testing.assert_close(context, encoding.summary[:, None].expand_as(query))
        assert torch.equal(weights.double(), torch.ones(3, 4, 1, dtype=torch.double))


@each_kind
def test_scores_too_large_to_exponentiate_are_no_trouble(kind: str) -> None:
    attention, query, encoding = given(kind)
    context, weights = attention(1e4 * query, attention.remember(encoding))
    assert context.isfinite().all()
    assert weights.isfinite().all()


def test_sizes_that_do_not_fit_are_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"its query \(4\) and its memory \(6\) must be of one size"):
        DotAttention(4, 6)
    with pytest.raises(ValueError, match=r"query_size \(6\) must be a multiple of heads \(4\)"):
        MultiHeadAttention(6, 8)


@pytest.mark.parametrize("kind", ["bilinear", "additive", "heads"])
def test_query_and_memory_may_differ_in_size(kind: str) -> None:
    attention: Attention = KINDS[kind](8, 6)
    encoding = Encoding(torch.randn(2, 3, 6), torch.randn(2, 6), torch.ones(2, 3, dtype=torch.bool))
    context, weights = attention(torch.randn(2, 4, 8), attention.remember(encoding))
    assert context.shape == (2, 4, attention.size)
    assert weights.shape == (2, 4, 3)
