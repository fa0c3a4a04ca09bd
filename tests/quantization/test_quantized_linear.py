"""Quantized linear layers and embeddings are near the float32 ones; int8 sums are exact."""

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seq2seq.quantization.linear import BFloat16Linear, Int8Embedding, Int8Linear, to_int8

LAYERS = [BFloat16Linear, Int8Linear]
sizes = st.integers(1, 40)


@settings(max_examples=50)
@given(rows=sizes, size=sizes, magnitude=st.floats(1e-6, 1e6), seed=st.integers(0, 99))
def test_the_rounding_error_is_at_most_half_a_step(rows: int, size: int, magnitude: float, seed: int) -> None:
    x = magnitude * torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))
    quantized, scale = to_int8(x)
    assert ((quantized * scale - x).abs() <= 0.5001 * scale).all()


def test_zeros_stay_zero() -> None:
    quantized, scale = to_int8(torch.zeros(3, 5))
    assert not (quantized * scale).any()


def linear(bias: bool = True) -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(48, 33, bias)


@pytest.mark.parametrize("quantized_layer", LAYERS)
@pytest.mark.parametrize("bias", [True, False])
def test_a_quantized_layer_is_near_the_float32_one(quantized_layer: type[nn.Module], bias: bool) -> None:
    layer, x = linear(bias), torch.randn(7, 5, 48)
    torch.testing.assert_close(quantized_layer(layer)(x), layer(x), atol=0.02, rtol=0.0)


def test_integer_sums_are_exact() -> None:
    layer, x = linear(), torch.randn(7, 48)
    int8_layer = Int8Linear(layer)
    quantized, scale = to_int8(x)
    exact = (quantized.double() @ int8_layer.quantized_weight.double().t()) * scale.double() * int8_layer.scale.double()
    torch.testing.assert_close(int8_layer(x).double(), exact + layer.bias.detach().double(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("processor", ["DEFAULT", "AVX2"])
def test_the_reference_is_exact_on_any_processor(processor: str) -> None:
    """Even the largest sums, of both signs, of one input and of many."""
    code = """
import torch
from seq2seq.quantization.linear import Int8Linear
for inputs in (1, 2, 512, 2001):
    layer = Int8Linear(torch.nn.Linear(inputs, 70, bias=False))
    layer.quantized_weight[:], layer.scale[:] = 127, 1 / 127
    x = torch.tensor([[127.0], [-127.0], [0.0]]).expand(3, inputs)
    torch.testing.assert_close(layer.reference(x), 127.0 * inputs * torch.tensor([[1.0], [-1.0], [0.0]]).expand(3, 70))
"""
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"ONEDNN_MAX_CPU_ISA": processor})


@settings(max_examples=20)
@given(rows=st.integers(2, 60), seed=st.integers(0, 99))
def test_a_row_does_not_depend_on_the_other_rows(rows: int, seed: int) -> None:
    x = torch.randn(rows, 48, generator=torch.Generator().manual_seed(seed))
    x[1:] *= 100
    int8_layer = Int8Linear(linear())
    assert torch.equal(int8_layer(x)[0], int8_layer(x[:1])[0])


@pytest.mark.parametrize("quantized_layer", LAYERS)
def test_the_dequantized_weight_gives_the_same_products(quantized_layer: type[nn.Module]) -> None:
    layer = quantized_layer(linear(bias=False))
    weight = layer.weight
    assert isinstance(weight, Tensor)
    torch.testing.assert_close(layer(torch.eye(48)), weight.t(), atol=1e-6, rtol=1e-6)


def test_a_quantized_embedding_is_near_the_float32_one() -> None:
    embedding, ids = nn.Embedding(11, 6), torch.tensor([[1, 10], [0, 1]])
    torch.testing.assert_close(Int8Embedding(embedding)(ids), embedding(ids), atol=0.02, rtol=0.0)
