"""Tests of the parallel layers: their papers' equations, initialization, and errors."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from seq2seq.nn.rotary import apply_rotary
from seq2seq.recurrence import (
    MLSTM,
    RGLRU,
    RWKV,
    SLSTM,
    CausalAttention,
    Mamba,
    MinGRU,
    MinLSTM,
    Recurrence,
    Retention,
    SelfAttention,
)
from seq2seq.recurrence.short_convolution import ShortConvolution
from seq2seq.state import flatten

BATCH, TIME, INPUT, SIZE = 2, 11, 5, 8


@pytest.fixture
def x() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(BATCH, TIME, INPUT, dtype=torch.float64)


def perturbed_layer(kind: Callable[..., Recurrence[Any]], **options: Any) -> Any:
    """Return a layer without parameters that are zero."""
    torch.manual_seed(2)
    layer = kind(INPUT, SIZE, **options).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return layer


def rms(x: Tensor, epsilon: float = 1e-6) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True) + epsilon).sqrt()


def convolved(convolution: ShortConvolution, x: Tensor) -> Tensor:
    weight = convolution.weight.T[:, None]
    padded = F.pad(x.transpose(1, 2), (convolution.width - 1, 0))
    return F.conv1d(padded, weight, convolution.bias, groups=x.shape[2]).transpose(1, 2)


def g(x: Tensor) -> Tensor:
    return torch.where(x >= 0, x + 0.5, torch.sigmoid(x))


def test_min_gru_equals_the_papers_equations(x: Tensor) -> None:
    layer = perturbed_layer(MinGRU)
    z, c = layer.input_projection(x).chunk(2, -1)
    z, h, expected = torch.sigmoid(z), torch.zeros(BATCH, SIZE, dtype=x.dtype), []
    for t in range(TIME):
        h = (1 - z[:, t]) * h + z[:, t] * g(c[:, t])
        expected.append(h)
    torch.testing.assert_close(layer(x)[0], torch.stack(expected, 1))


def test_min_lstm_equals_the_papers_equations(x: Tensor) -> None:
    layer = perturbed_layer(MinLSTM)
    f, i, c = layer.input_projection(x).chunk(3, -1)
    f, i, h, expected = torch.sigmoid(f), torch.sigmoid(i), torch.zeros(BATCH, SIZE, dtype=x.dtype), []
    for t in range(TIME):
        total = f[:, t] + i[:, t]
        h = f[:, t] / total * h + i[:, t] / total * g(c[:, t])
        expected.append(h)
    torch.testing.assert_close(layer(x)[0], torch.stack(expected, 1))


def test_griffin_block_equals_the_papers_equations(x: Tensor) -> None:
    layer = perturbed_layer(RGLRU, heads=2)
    u, gate = layer.input_projection(x).chunk(2, -1)
    u = convolved(layer.convolution, u)
    weights = [torch.block_diag(*weight) for weight in layer.gate_weight]
    r, i = (torch.sigmoid(u @ weight + bias) for weight, bias in zip(weights, layer.gate_bias, strict=True))
    a = torch.sigmoid(-layer.decay) ** (8 * r)  # softplus(L) = -log sigmoid(-L)
    h, expected = torch.zeros(BATCH, SIZE, dtype=x.dtype), []
    for t in range(TIME):
        scale = (1 - a[:, t] ** 2).sqrt() if t else 1.0
        h = a[:, t] * h + scale * i[:, t] * u[:, t]
        expected.append(layer.output_projection(F.gelu(gate[:, t]) * h))
    torch.testing.assert_close(layer(x)[0], torch.stack(expected, 1))


def test_mamba_equals_the_papers_equations(x: Tensor) -> None:
    layer = perturbed_layer(Mamba, heads=2, state_size=3)
    inner_size = 2 * SIZE
    z, xbc, dt = layer.input_projection(x).split([inner_size, inner_size + 6, 2], -1)
    values, b, c = F.silu(convolved(layer.convolution, xbc)).split([inner_size, 3, 3], -1)
    dt = F.softplus(dt + layer.dt_bias)
    a = -layer.log_a.exp()
    state, expected = torch.zeros(BATCH, 2, 3, inner_size // 2, dtype=x.dtype), []
    for t in range(TIME):
        v = values[:, t].unflatten(-1, (2, -1))
        update = torch.einsum("bh,bn,bhp->bhnp", dt[:, t], b[:, t], v)
        state = torch.exp(dt[:, t] * a)[..., None, None] * state + update
        y = torch.einsum("bn,bhnp->bhp", c[:, t], state) + layer.skip[:, None] * v
        expected.append(layer.output_projection(rms(y.flatten(1) * F.silu(z[:, t]), 1e-5) * layer.norm.weight))
    torch.testing.assert_close(layer(x)[0], torch.stack(expected, 1))


def test_retention_equals_the_papers_equations(x: Tensor) -> None:
    layer = perturbed_layer(Retention, heads=2)
    q, k, v, gate = (part.unflatten(-1, (2, -1)) for part in layer.input_projection(x).chunk(4, -1))
    q, k = (apply_rotary(part.transpose(1, 2), torch.arange(TIME)[None], endpoint=True) for part in (q, k))
    gamma = 1 - torch.tensor([2.0**-5, 2.0**-6], dtype=x.dtype)
    distance = torch.arange(TIME)[:, None] - torch.arange(TIME)
    decay = torch.where(distance >= 0, gamma[:, None, None] ** distance, 0.0)  # equation 5, the parallel form
    y = ((q @ k.transpose(-1, -2) * (SIZE // 2) ** -0.5) * decay) @ v.transpose(1, 2)
    expected = layer.output_projection(F.silu(gate.flatten(-2)) * rms(y.transpose(1, 2)).flatten(-2))
    torch.testing.assert_close(layer(x)[0], expected, rtol=1e-6, atol=1e-7)  # gamma's logarithm is a float32 buffer


def test_mlstm_equals_the_papers_equations(x: Tensor) -> None:
    layer = perturbed_layer(MLSTM, heads=2)
    q, k = layer.query_key_projection(F.silu(convolved(layer.convolution, x))).unflatten(-1, (2, 2, -1)).unbind(-3)
    v, o = layer.input_projection(x).unflatten(-1, (2, 2, -1)).unbind(-3)
    i, f = (15 * torch.tanh(layer.gates(x) / 15)).chunk(2, -1)
    i, f = i.exp(), torch.sigmoid(f)
    c = torch.zeros(BATCH, 2, SIZE // 2, SIZE // 2, dtype=x.dtype)
    n, expected = c[..., 0], []
    for t in range(TIME):
        key = k[:, t] / math.sqrt(SIZE // 2)
        c = f[:, t, :, None, None] * c + i[:, t, :, None, None] * torch.einsum("bhv,bhk->bhvk", v[:, t], key)
        n = f[:, t, :, None] * n + i[:, t, :, None] * key
        denominator = (n * q[:, t]).sum(-1).abs().clamp(min=1)
        y = torch.einsum("bhvk,bhk->bhv", c, q[:, t]) / denominator[..., None]
        normalized = (y - y.mean(-1, keepdim=True)) / (y.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
        expected.append(layer.output_projection(torch.sigmoid(o[:, t].flatten(1)) * normalized.flatten(1) * layer.gain))
    torch.testing.assert_close(layer(x)[0], torch.stack(expected, 1))


def test_rwkv_equals_the_papers_equations(x: Tensor) -> None:
    layer = perturbed_layer(RWKV, heads=2, rank=3)
    previous = torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1)
    low_rank = torch.tanh((x + (previous - x) * layer.mix_x) @ layer.mix_down)
    mixed = []
    for n in range(5):  # r, k, v, g, w
        offset = low_rank[..., 3 * n : 3 * n + 3] @ layer.mix_up[n]
        mixed.append(x + (previous - x) * (layer.mix_rkvgw[n] + offset))
    r, k, v = (
        linear(part).unflatten(-1, (2, -1))
        for linear, part in zip((layer.receptance, layer.key, layer.value), mixed, strict=False)
    )
    omega = layer.decay + torch.tanh(mixed[4] @ layer.decay_down) @ layer.decay_up
    w = torch.exp(-math.exp(-0.5) * torch.sigmoid(omega)).unflatten(-1, (2, -1))
    state, expected = torch.zeros(BATCH, 2, SIZE // 2, SIZE // 2, dtype=x.dtype), []
    for t in range(TIME):
        update = k[:, t, :, :, None] * v[:, t, :, None]
        y = torch.einsum("bhk,bhkv->bhv", r[:, t], state + layer.bonus[..., None] * update)
        state = w[:, t, :, :, None] * state + update
        normalized = (y - y.mean(-1, keepdim=True)) / (y.var(-1, unbiased=False, keepdim=True) + 64e-5).sqrt()
        normalized = normalized.flatten(1) * layer.norm.weight + layer.norm.bias
        expected.append(layer.output_projection(normalized * F.silu(layer.gate(mixed[3][:, t]))))
    torch.testing.assert_close(layer(x)[0], torch.stack(expected, 1))


@pytest.mark.parametrize("window", [None, 1, 3, 50])
def test_causal_attention_equals_the_papers_equations(x: Tensor, window: int | None) -> None:
    layer = perturbed_layer(CausalAttention, heads=2, window=window)
    q, k, v = (part.unflatten(-1, (2, -1)).transpose(1, 2) for part in layer.qkv_projection(x).chunk(3, -1))
    q, k = (apply_rotary(part, torch.arange(TIME)[None]) for part in (q, k))
    distance = torch.arange(TIME)[:, None] - torch.arange(TIME)
    mask = (distance >= 0) & (distance < (window or TIME))
    scores = (q @ k.transpose(-1, -2) / math.sqrt(SIZE // 2)).masked_fill(~mask, -math.inf)
    expected = layer.output_projection((scores.softmax(-1) @ v).transpose(1, 2).flatten(-2))
    torch.testing.assert_close(layer(x)[0], expected)


def test_self_attention_attends_to_all_of_a_row_and_not_to_padding(x: Tensor) -> None:
    layer = perturbed_layer(SelfAttention, heads=2)
    lengths = torch.tensor([TIME, 4])
    y = layer(x, lengths)
    torch.testing.assert_close(y[1, :4], layer(x[1:, :4], torch.tensor([4]))[0])
    other = x.clone()
    other[:, -1] += 1
    changed = layer(other, lengths)
    assert (changed[0, 0] - y[0, 0]).abs().max() > 1e-6
    torch.testing.assert_close(changed[1, :4], y[1, :4], rtol=0, atol=0)


def test_attention_without_rotary_embedding_ignores_order(x: Tensor) -> None:
    backwards, lengths = x.flip(1), torch.tensor([TIME, TIME])
    plain, rotary = perturbed_layer(SelfAttention, heads=2, rotary=False), perturbed_layer(SelfAttention, heads=2)
    torch.testing.assert_close(plain(backwards, lengths).flip(1), plain(x, lengths))
    assert (rotary(backwards, lengths).flip(1) - rotary(x, lengths)).abs().max() > 1e-3


def test_rotary_products_depend_on_the_distance_of_positions_only() -> None:
    torch.manual_seed(3)
    q, k = torch.randn(2, 1, 1, 6, dtype=torch.float64)
    products = [
        float(
            (
                apply_rotary(q[None], torch.tensor([[7 + offset]]))
                * apply_rotary(k[None], torch.tensor([[3 + offset]]))
            ).sum()
        )
        for offset in (0, 5, 100_000)
    ]
    assert max(products) - min(products) < 1e-9


def test_rotary_embedding_is_precise_in_float32_at_large_positions() -> None:
    x = torch.randn(1, 1, 6)
    position = torch.tensor([[1_000_000]])
    torch.testing.assert_close(apply_rotary(x, position), apply_rotary(x.double(), position).float())


def test_initial_decays_are_the_papers() -> None:
    torch.manual_seed(4)
    radius = torch.sigmoid(-RGLRU(64, 1024).decay)
    assert 0.9 <= float(radius.min()) < 0.91
    assert 0.998 < float(radius.max()) <= 0.999
    mamba = Mamba(16, 64, heads=64)
    dt = F.softplus(mamba.dt_bias)
    assert 0.001 <= float(dt.min()) < 0.003
    assert 0.03 < float(dt.max()) <= 0.1001
    assert 1 <= float(mamba.log_a.exp().min()) < float(mamba.log_a.exp().max()) <= 16
    decays = torch.exp(-math.exp(-0.5) * torch.sigmoid(RWKV(16, 64).decay))
    assert float(decays.max()) > 0.995
    assert float(decays.min()) < 0.7
    torch.testing.assert_close(Retention(8, 8).log_decay.exp(), 1 - 2.0 ** -torch.arange(5, 9))
    torch.testing.assert_close(MLSTM(8, 8).gates.bias[4:], torch.linspace(3, 6, 4))


@pytest.mark.parametrize("kind", [RGLRU, RWKV, Retention, MLSTM, CausalAttention, SelfAttention])
def test_size_that_is_no_multiple_of_heads_is_refused(kind: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"size \(10\) must be a multiple of heads \(4\)"):
        kind(5, 10, heads=4)


def test_other_invalid_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expand \(3\) times size \(5\) must be a multiple of heads \(8\)"):
        Mamba(5, 5, expand=3)
    with pytest.raises(ValueError, match=r"window must be at least 1 .* and 0 was given"):
        CausalAttention(8, 8, window=0)
    with pytest.raises(ValueError, match=r"width must be at least 1 .* and 0 was given"):
        ShortConvolution(4, 0)


def test_state_of_windowed_attention_stops_growing() -> None:
    layer = CausalAttention(INPUT, SIZE, window=6)
    state = layer.initial_state(BATCH)
    sizes = []
    for _ in range(10):
        _, state = layer.step(torch.randn(BATCH, INPUT), state)
        sizes.append(state.keys.shape[1])
    assert sizes == [1, 2, 3, 4, 5, 5, 5, 5, 5, 5]
    assert not layer.grows
    assert CausalAttention(INPUT, SIZE).grows


@pytest.mark.parametrize(
    "kind", [MinGRU, MinLSTM, RGLRU, Mamba, RWKV, Retention, MLSTM, partial(CausalAttention, window=4)]
)
def test_state_is_no_view_of_the_sequence(kind: Callable[..., Recurrence[Any]]) -> None:
    """A checkpoint of a view would contain the whole sequence."""
    _, state = perturbed_layer(kind)(torch.randn(BATCH, 100, INPUT, dtype=torch.float64))
    for part in flatten(state):
        assert part.untyped_storage().nbytes() <= 2 * part.numel() * part.element_size()


@pytest.mark.parametrize("kind", [SLSTM, RWKV, Retention, CausalAttention, SelfAttention])
def test_head_of_one_feature_is_refused_by_norms_and_rotary_embeddings(kind: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"a head must have at least 2 features, and size \(4\) gives 4 heads fewer"):
        kind(5, 4, heads=4)
