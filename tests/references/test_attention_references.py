"""Attention and the feed-forward against transformers and JoeyNMT."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from agreement import Compare, Comparison
from comparing import BATCH, SIZES, Reference, Weights, call_with_weights, compare_layer, compare_values, perturb
from joeynmt.attention import BahdanauAttention, LuongAttention
from joeynmt.transformer_layers import MultiHeadedAttention
from torch import Tensor, nn
from transformers import DynamicCache, LlamaConfig, MistralConfig
from transformers.masking_utils import create_causal_mask, create_sliding_window_causal_mask
from transformers.models.llama.modeling_llama import LlamaMLP
from transformers.models.mistral.modeling_mistral import MistralAttention, MistralRotaryEmbedding

from seq2seq.nn.attention import (
    AdditiveAttention,
    Attention,
    BilinearAttention,
    DotAttention,
    Encoding,
    MultiHeadAttention,
)
from seq2seq.nn.feed_forward import FeedForward
from seq2seq.recurrence import CausalAttention, SelfAttention
from seq2seq.recurrence.self_attention import AttentionState

pytestmark = pytest.mark.usefixtures("double")


class Published(nn.Module):
    """Mistral's attention with its rotary embedding and its masks; without a window it is Llama's."""

    def __init__(self, input_size: int, size: int, heads: int, window: int | None) -> None:
        super().__init__()
        self.config = MistralConfig(
            hidden_size=size,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            num_hidden_layers=1,
            sliding_window=window,
            attn_implementation="eager",
        )
        self.rotary = MistralRotaryEmbedding(self.config)
        self.attention = MistralAttention(self.config, layer_idx=0)
        for name in ("q_proj", "k_proj", "v_proj"):
            setattr(self.attention, name, nn.Linear(input_size, size, bias=False))

    def whole(self, x: Tensor) -> Tensor:
        mask = create_causal_mask if self.config.sliding_window is None else create_sliding_window_causal_mask
        positions = torch.arange(x.shape[1])[None]
        return self.call(x, positions, mask(self.config, x, None, None, positions), None)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        position, cache = (0, DynamicCache(config=self.config)) if state is None else state
        return self.call(x, torch.tensor([[position]]), None, cache), (position + 1, cache)

    def call(self, x: Tensor, positions: Tensor, mask: Tensor | None, cache: DynamicCache | None) -> Tensor:
        return self.attention(x, self.rotary(x, positions), mask, cache)[0]  # type: ignore[no-any-return]


def projections(layer: CausalAttention | SelfAttention) -> Weights:
    q, k, v = layer.qkv_projection.weight.chunk(3)
    names = ("q_proj", "k_proj", "v_proj", "o_proj")
    return {
        f"attention.{name}.weight": weight
        for name, weight in zip(names, (q, k, v, layer.output_projection.weight), strict=True)
    }


@SIZES
@pytest.mark.parametrize("window", [None, 2, 5])
def test_causal_attention(compare: Compare, size: int, heads: int, time: int, window: int | None) -> None:
    layer = CausalAttention(size - heads, size, heads, window)
    perturb(layer, amount=0.3)
    module = Published(size - heads, size, heads, window)

    def states(ours: AttentionState, theirs: Any) -> list[tuple[Tensor, Tensor]]:
        values = theirs[1].layers[0].values
        return [(ours.values, values.transpose(1, 2).flatten(2))]

    reference = Reference(module, lambda: projections(layer), module.whole, module.step, states)
    compare_layer(
        layer, reference, compare("CausalAttention", "transformers", "Mistral's, with and without a window"), time
    )


@SIZES
def test_self_attention(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = SelfAttention(size - heads, size, heads)
    perturb(layer, amount=0.3)
    module = Published(size - heads, size, heads, None)
    lengths = torch.tensor([time, max(1, time - 3), 1])
    token_mask = torch.arange(time) < lengths[:, None]

    def whole(x: Tensor) -> Tensor:
        mask = torch.zeros(BATCH, 1, time, time).masked_fill(~token_mask[:, None, None], float("-inf"))
        return module.call(x, torch.arange(time)[None], mask, None)

    x = torch.randn(BATCH, time, size - heads, requires_grad=True)
    reference = Reference(module, lambda: projections(layer), whole)
    ours, theirs = (y * token_mask[..., None] for y in (layer(x, lengths), call_with_weights(reference, whole, x)))
    comparison = compare("SelfAttention", "transformers", "Mistral's, with a padding mask only")
    compare_values(comparison, ours, theirs, [x, *layer.parameters()])


@SIZES
def test_feed_forward(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = FeedForward(size, float(heads))
    perturb(layer, amount=0.3)
    config = LlamaConfig(hidden_size=size, intermediate_size=heads * size, num_attention_heads=heads, mlp_bias=True)
    module = LlamaMLP(config)

    def weights() -> Weights:
        parameters = {}
        for theirs, ours in (
            (("gate_proj", "up_proj"), layer.input_projection),
            (("down_proj",), layer.output_projection),
        ):
            for kind in ("weight", "bias"):
                parts = getattr(ours, kind).chunk(len(theirs))
                parameters |= {f"{name}.{kind}": part for name, part in zip(theirs, parts, strict=True)}
        return parameters

    x = torch.randn(BATCH, time, size, requires_grad=True)
    expected = x + call_with_weights(Reference(module, weights, module), module, layer.norm(x))
    compare_values(
        compare("FeedForward", "transformers", "Llama's, after our norm"), layer(x), expected, [x, *layer.parameters()]
    )


def compare_attention(
    comparison: Comparison, layer: Attention, reference: Reference, query: Tensor, states: Tensor, mask: Tensor
) -> None:
    """Compare contexts, weights and gradients of an attention; the reference is called with query, states and mask."""
    context, weights, _ = layer(query, layer.project_keys(Encoding(states, states[:, -1], mask)))
    expected, expected_weights = call_with_weights(reference, reference.whole, query, states, mask[:, None])
    comparison.close("weights", weights, expected_weights)
    compare_values(comparison, context, expected, [query, states, *layer.parameters()])


def attention_inputs(query_size: int, size: int, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, encoder states and their mask, True on tokens."""
    torch.manual_seed(length)
    query = torch.randn(BATCH, 4, query_size, requires_grad=True)
    states = torch.randn(BATCH, length, size, requires_grad=True)
    return query, states, torch.arange(length) < torch.tensor([[length], [max(1, length - 3)], [1]])


def per_query(module: nn.Module) -> Callable[..., tuple[Tensor, Tensor]]:
    """Return a function that applies JoeyNMT's attention, made for a single query, to all queries."""

    def whole(query: Tensor, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        module.compute_proj_keys(states)
        contexts, weights = zip(*(module(q, mask, states) for q in query.split(1, dim=1)), strict=True)
        return torch.cat(contexts, dim=1), torch.cat(weights, dim=1)

    return whole


@SIZES
def test_additive_attention(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = AdditiveAttention(size, size - heads)
    perturb(layer, amount=0.3)
    module = BahdanauAttention(size, size - heads, size)
    module.key_layer = nn.Linear(size - heads, size)  # theirs has no bias

    def weights() -> Weights:
        return {
            "key_layer.weight": layer.key_projection.weight,
            "key_layer.bias": layer.key_projection.bias,
            "query_layer.weight": layer.query_projection.weight,
            "energy_layer.weight": layer.score_projection.weight,
        }

    reference = Reference(module, weights, per_query(module))
    compare_attention(
        compare("AdditiveAttention", "joeynmt"), layer, reference, *attention_inputs(size, size - heads, time)
    )


@SIZES
def test_bilinear_attention(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = BilinearAttention(size, size - heads)
    perturb(layer, amount=0.3)
    module = LuongAttention(size, size - heads)
    reference = Reference(module, lambda: {"key_layer.weight": layer.key_projection.weight}, per_query(module))
    compare_attention(
        compare("BilinearAttention", "joeynmt"), layer, reference, *attention_inputs(size, size - heads, time)
    )


@SIZES
def test_dot_attention(compare: Compare, size: int, heads: int, time: int) -> None:
    module = LuongAttention(size, size)
    reference = Reference(module, lambda: {"key_layer.weight": torch.eye(size)}, per_query(module))
    comparison = compare("DotAttention", "joeynmt", "theirs is bilinear, with an identity matrix")
    compare_attention(comparison, DotAttention(size, size), reference, *attention_inputs(size, size, time))


@SIZES
def test_multi_head_attention(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = MultiHeadAttention(size, size - heads, heads)
    perturb(layer, amount=0.3)
    module = MultiHeadedAttention(heads, size, dropout=0.0)

    def weights() -> Weights:
        zero = torch.zeros(size)  # ours has no biases
        layers = {
            "q_layer": layer.query_projection,
            "k_layer": layer.key_projection,
            "v_layer": layer.value_projection,
            "output_layer": layer.output_projection,
        }
        biases = {f"{name}.bias": zero for name in layers}
        return biases | {f"{name}.weight": linear.weight for name, linear in layers.items()}

    def whole(query: Tensor, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        return module(states, states, query, mask, return_weights=True)  # type: ignore[no-any-return]

    comparison = compare("MultiHeadAttention", "joeynmt")
    compare_attention(comparison, layer, Reference(module, weights, whole), *attention_inputs(size, size - heads, time))
