"""Laws of rounded weights."""

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seq2seq.quantization.linear import BFloat16Linear, Int8Embedding, Int8Linear, to_int8

KINDS = [BFloat16Linear, Int8Linear]
sizes = st.integers(1, 40)


@settings(max_examples=50)
@given(rows=sizes, size=sizes, magnitude=st.floats(1e-6, 1e6), seed=st.integers(0, 99))
def test_rounding_errs_by_at_most_half_a_step(rows: int, size: int, magnitude: float, seed: int) -> None:
    x = magnitude * torch.randn(rows, size, generator=torch.Generator().manual_seed(seed))
    whole, scale = to_int8(x)
    assert ((whole * scale - x).abs() <= 0.5001 * scale).all()


def test_nothing_but_zeros_stays_zero() -> None:
    whole, scale = to_int8(torch.zeros(3, 5))
    assert not (whole * scale).any()


def layer(bias: bool = True) -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(48, 33, bias)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bias", [True, False])
def test_a_rounded_layer_is_near_the_plain_one(kind: type[nn.Module], bias: bool) -> None:
    plain, x = layer(bias), torch.randn(7, 5, 48)
    torch.testing.assert_close(kind(plain)(x), plain(x), atol=0.02, rtol=0.0)


def test_whole_numbers_are_added_up_without_error() -> None:
    plain, x = layer(), torch.randn(7, 48)
    rounded = Int8Linear(plain)
    whole, scale = to_int8(x)
    exact = (whole.double() @ rounded.rounded.double().t()) * scale.double() * rounded.scale.double()
    torch.testing.assert_close(rounded(x).double(), exact + plain.bias.detach().double(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("processor", ["DEFAULT", "AVX2"])
def test_torch_adds_up_without_error_on_any_processor(processor: str) -> None:
    """Even the largest sums, in both directions, of one input and of many."""
    code = """
import torch
from seq2seq.quantization.linear import Int8Linear
for inputs in (1, 2, 512, 2001):
    layer = Int8Linear(torch.nn.Linear(inputs, 70, bias=False))
    layer.rounded[:], layer.scale[:] = 127, 1 / 127
    x = torch.tensor([[127.0], [-127.0], [0.0]]).expand(3, inputs)
    torch.testing.assert_close(layer.plain(x), 127.0 * inputs * torch.tensor([[1.0], [-1.0], [0.0]]).expand(3, 70))
"""
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"ONEDNN_MAX_CPU_ISA": processor})


@settings(max_examples=20)
@given(rows=st.integers(2, 60), seed=st.integers(0, 99))
def test_a_row_does_not_depend_on_what_stands_beside_it(rows: int, seed: int) -> None:
    x = torch.randn(rows, 48, generator=torch.Generator().manual_seed(seed))
    x[1:] *= 100
    rounded = Int8Linear(layer())
    assert torch.equal(rounded(x)[0], rounded(x[:1])[0])


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_for_the_weight_gives_the_same_products(kind: type[nn.Module]) -> None:
    rounded = kind(layer(bias=False))
    weight = rounded.weight
    assert isinstance(weight, Tensor)
    torch.testing.assert_close(rounded(torch.eye(48)), weight.t(), atol=1e-6, rtol=1e-6)


def test_an_embedding_gives_what_its_table_holds() -> None:
    table = nn.Embedding(11, 6)
    found = Int8Embedding(table)(torch.tensor([[1, 10], [0, 1]]))
    torch.testing.assert_close(found, table(torch.tensor([[1, 10], [0, 1]])), atol=0.02, rtol=0.0)
