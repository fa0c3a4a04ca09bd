"""Properties of every attention, and each kind against its formula."""

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
MASK = torch.arange(5) < torch.tensor(LENGTHS)[:, None]


def attention_case(kind: str) -> tuple[Any, Tensor, Encoding]:
    torch.manual_seed(0)
    attention = {**KINDS, "fixed": FixedContext}[kind](SIZE, SIZE).double()
    states = torch.randn(3, 5, SIZE, dtype=torch.double)
    return attention, torch.randn(3, 4, SIZE, dtype=torch.double), Encoding(states, states[:, 0], MASK)


@each_kind
def test_weights_sum_to_one_and_are_zero_on_padding(kind: str) -> None:
    attention, query, encoding = attention_case(kind)
    _, weights, _ = attention(query, attention.project_keys(encoding))
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, 4, dtype=torch.double))
    assert (weights.masked_select(~MASK[:, None]) == 0).all()
    assert (weights.masked_select(MASK[:, None]) > 0).all()


def outputs_and_gradients(attention: Any, query: Tensor, encoding: Encoding) -> list[Tensor]:
    """Return contexts, weights, and the gradients of a loss that depends on both."""
    query, states, summary = (part.detach().requires_grad_() for part in (query, encoding.states, encoding.summary))
    context, weights, _ = attention(query, attention.project_keys(encoding._replace(states=states, summary=summary)))
    loss = context.cos().sum() + weights.square().sum()
    inputs = [query, states, summary, *attention.parameters()]
    return [context, weights, *torch.autograd.grad(loss, inputs, materialize_grads=True)]


@each_kind
@pytest.mark.parametrize("padding", [1000.0, math.nan, math.inf, -math.inf])
def test_padding_affects_no_output_and_gets_no_gradient(kind: str, padding: float) -> None:
    attention, query, encoding = attention_case(kind)
    states = [encoding.states.masked_fill(~MASK[..., None], filling) for filling in (0.0, padding)]
    expected, found = (outputs_and_gradients(attention, query, encoding._replace(states=x)) for x in states)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert found[3][MASK].any()
    assert not found[3][~MASK].any()


@pytest.mark.parametrize("kind", [*KINDS, "fixed"])
@pytest.mark.parametrize("padding", [0.0, math.nan])
def test_source_of_only_padding_has_zero_weights_and_zero_context(kind: str, padding: float) -> None:
    attention, query, encoding = attention_case(kind)
    mask = torch.tensor([[True] * 5, [False] * 5, [False] * 5])
    encoding = Encoding(encoding.states.masked_fill(~mask[..., None], padding), encoding.summary, mask)
    found = outputs_and_gradients(attention, query, encoding)
    assert all(part.isfinite().all() for part in found)
    context, weights, *gradients = found
    assert not context[1:].any()
    assert not weights[1:].any()
    assert context[0].any()
    assert not any(gradient[1:].any() for gradient in gradients[:2])


@each_kind
@pytest.mark.parametrize("use_kernel", [True, False], ids=["kernel", "plain"])
def test_step_rows_equals_forward_with_a_sentence_of_only_padding(
    kind: str, use_kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    attention, query, encoding = attention_case(kind)
    attention, query = attention.float().requires_grad_(False), query.float()
    mask = torch.tensor([[True] * 5, [False] * 5, [True] * 3 + [False] * 2])
    memory = attention.project_keys(Encoding(encoding.states.float() / mask[..., None], encoding.summary.float(), mask))
    if not use_kernel:
        monkeypatch.setattr("seq2seq.nn.attention.kernels_available", lambda *tensors: False)
    found = attention.step_rows(query.flatten(0, 1), memory, (), torch.arange(3).repeat_interleave(4))
    for step, whole in zip(found[:2], attention(query, memory)[:2], strict=True):
        assert whole.isfinite().all()
        torch.testing.assert_close(step, whole.flatten(0, 1), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", [*KINDS, "fixed"])
@pytest.mark.parametrize(("rows", "steps", "tokens"), [(0, 4, 5), (3, 0, 5), (3, 4, 0), (0, 0, 0)])
def test_empty_batches_queries_and_sources(kind: str, rows: int, steps: int, tokens: int) -> None:
    attention, query, encoding = attention_case(kind)
    encoding = Encoding(*(part[:rows, :tokens] if part.dim() > 1 else part for part in encoding))
    found = outputs_and_gradients(
        attention, query[:rows, :steps], encoding._replace(summary=encoding.states.sum(dim=1))
    )
    assert found[0].shape == (rows, steps, SIZE)
    assert all(part.isfinite().all() for part in found)
    memory = attention.project_keys(encoding._replace(summary=encoding.states.sum(dim=1)))
    for sentence_index in (None, torch.arange(rows)):
        context, *_ = attention.step_rows(query[:rows, 0], memory, (), sentence_index)
        assert context.shape == (rows, SIZE)
        assert tokens or not context.any()


def formula(score: Callable[[Tensor, Tensor], Tensor], query: Tensor, encoding: Encoding) -> Tensor:
    """Return the context of each query, computed source token by source token."""
    contexts = []
    for row, length in enumerate(LENGTHS):
        for q in query[row]:
            states = encoding.states[row, :length]
            weights = torch.stack([score(q, state) for state in states]).exp()
            contexts.append(sum(weight * state for weight, state in zip(weights / weights.sum(), states, strict=True)))
    return torch.stack(contexts).view_as(query)


@pytest.mark.parametrize(
    ("kind", "score"),
    [
        ("dot", lambda a, q, k: q @ k),
        ("bilinear", lambda a, q, k: q @ a.key_projection.weight @ k),
        (
            "additive",
            lambda a, q, k: (
                a.score_projection.weight[0]
                @ (a.query_projection.weight @ q + a.key_projection.weight @ k + a.key_projection.bias).tanh()
            ),
        ),
    ],
)
def test_context_equals_the_published_formula(kind: str, score: Callable[..., Tensor]) -> None:
    attention, query, encoding = attention_case(kind)
    context, *_ = attention(query, attention.project_keys(encoding))
    torch.testing.assert_close(context, formula(lambda q, k: score(attention, q, k), query, encoding))


def test_multi_head_attention_concatenates_scaled_dot_product_heads() -> None:
    attention, query, encoding = attention_case("heads")
    contexts, head_weights = [], []
    for head in torch.arange(SIZE).split(SIZE // attention.heads):
        queries, keys, values = (
            x @ linear.weight[head].T
            for linear, x in (
                (attention.query_projection, query),
                (attention.key_projection, encoding.states),
                (attention.value_projection, encoding.states),
            )
        )
        scores = torch.einsum("btf,bsf->bts", queries, keys) / math.sqrt(len(head))
        weights = scores.masked_fill(~MASK[:, None], -math.inf).softmax(dim=-1)
        contexts.append(weights @ values)
        head_weights.append(weights)
    context, weights, _ = attention(query, attention.project_keys(encoding))
    torch.testing.assert_close(context, torch.cat(contexts, dim=-1) @ attention.output_projection.weight.T)
    torch.testing.assert_close(weights, torch.stack(head_weights).mean(dim=0))


@each_kind
def test_queries_at_once_equal_one_query_at_a_time(kind: str) -> None:
    attention, query, encoding = attention_case(kind)
    memory = attention.project_keys(encoding)
    contexts, weights, _ = attention(query, memory)
    for t in range(query.shape[1]):
        context, step_weights, _ = attention(query[:, t : t + 1], memory)
        torch.testing.assert_close(context[:, 0], contexts[:, t])
        torch.testing.assert_close(step_weights[:, 0], weights[:, t])


@each_kind
def test_repeated_memory_equals_shared_memory(kind: str) -> None:
    attention, query, encoding = attention_case(kind)
    memory = attention.project_keys(encoding)
    shared, *_ = attention(query, memory)
    own, *_ = attention(query.flatten(0, 1)[:, None], repeat(memory, 4))
    torch.testing.assert_close(own.view_as(shared), shared)


@pytest.mark.parametrize("kind", ["bilinear", "additive", "heads"])
def test_keys_are_projected_once_per_sentence(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attention, query, encoding = attention_case(kind)
    projections = []
    attention.key_projection.register_forward_hook(lambda *_: projections.append(1))
    memory = attention.project_keys(encoding)
    for t in range(query.shape[1]):
        attention(query[:, t : t + 1], memory)
    assert len(projections) == 1


def test_fixed_context_is_the_summary_for_every_query() -> None:
    torch.manual_seed(0)
    _, query, encoding = attention_case("dot")
    fixed = FixedContext(SIZE, SIZE)
    for q in (query, -query):
        context, weights, _ = fixed(q, fixed.project_keys(encoding))
        torch.testing.assert_close(context, encoding.summary[:, None].expand_as(query))
        assert torch.equal(weights.double(), torch.ones(3, 4, 1, dtype=torch.double))


@each_kind
def test_scores_whose_exponential_overflows(kind: str) -> None:
    attention, query, encoding = attention_case(kind)
    context, weights, _ = attention(1e4 * query, attention.project_keys(encoding))
    assert context.isfinite().all()
    assert weights.isfinite().all()


def test_mismatched_sizes_raise() -> None:
    with pytest.raises(ValueError, match=r"query_size \(4\) must equal memory_size \(6\)"):
        DotAttention(4, 6)
    with pytest.raises(ValueError, match=r"query_size \(6\) must be a multiple of heads \(4\)"):
        MultiHeadAttention(6, 8)


@pytest.mark.parametrize("kind", ["bilinear", "additive", "heads"])
def test_query_and_memory_may_differ_in_size(kind: str) -> None:
    attention: Attention = KINDS[kind](8, 6)
    encoding = Encoding(torch.randn(2, 3, 6), torch.randn(2, 6), torch.ones(2, 3, dtype=torch.bool))
    context, weights, _ = attention(torch.randn(2, 4, 8), attention.project_keys(encoding))
    assert context.shape == (2, 4, attention.size)
    assert weights.shape == (2, 4, 3)
