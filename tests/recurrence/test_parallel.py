"""Each parallel layer against its paper's equations, written down once more; how it starts; what it refuses."""

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


def made(kind: Callable[..., Recurrence[Any]], **options: Any) -> Any:
    """A layer none of whose parameters is zero."""
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


def test_a_min_gru_is_the_paper_s(x: Tensor) -> None:
    layer = made(MinGRU)
    z, c = layer.project(x).chunk(2, -1)
    z, h, wanted = torch.sigmoid(z), torch.zeros(BATCH, SIZE, dtype=x.dtype), []
    for t in range(TIME):
        h = (1 - z[:, t]) * h + z[:, t] * g(c[:, t])
        wanted.append(h)
    torch.testing.assert_close(layer(x)[0], torch.stack(wanted, 1))


def test_a_min_lstm_is_the_paper_s(x: Tensor) -> None:
    layer = made(MinLSTM)
    f, i, c = layer.project(x).chunk(3, -1)
    f, i, h, wanted = torch.sigmoid(f), torch.sigmoid(i), torch.zeros(BATCH, SIZE, dtype=x.dtype), []
    for t in range(TIME):
        both = f[:, t] + i[:, t]
        h = f[:, t] / both * h + i[:, t] / both * g(c[:, t])
        wanted.append(h)
    torch.testing.assert_close(layer(x)[0], torch.stack(wanted, 1))


def test_a_griffin_block_is_the_paper_s(x: Tensor) -> None:
    layer = made(RGLRU, heads=2)
    u, beside = layer.project(x).chunk(2, -1)
    u = convolved(layer.convolution, u)
    wide = [torch.block_diag(*weight) for weight in layer.gate_weight]
    r, i = (torch.sigmoid(u @ weight + bias) for weight, bias in zip(wide, layer.gate_bias, strict=True))
    a = torch.sigmoid(-layer.fading) ** (8 * r)  # softplus(L) = -log sigmoid(-L)
    h, wanted = torch.zeros(BATCH, SIZE, dtype=x.dtype), []
    for t in range(TIME):
        room = (1 - a[:, t] ** 2).sqrt() if t else 1.0
        h = a[:, t] * h + room * i[:, t] * u[:, t]
        wanted.append(layer.out(F.gelu(beside[:, t]) * h))
    torch.testing.assert_close(layer(x)[0], torch.stack(wanted, 1))


def test_a_mamba_is_the_paper_s(x: Tensor) -> None:
    layer = made(Mamba, heads=2, state_size=3)
    inner = 2 * SIZE
    z, mixed, steps = layer.project(x).split([inner, inner + 6, 2], -1)
    values, b, c = F.silu(convolved(layer.convolution, mixed)).split([inner, 3, 3], -1)
    dt = F.softplus(steps + layer.step_bias)
    a = -layer.log_rate.exp()
    state, wanted = torch.zeros(BATCH, 2, 3, inner // 2, dtype=x.dtype), []
    for t in range(TIME):
        v = values[:, t].unflatten(-1, (2, -1))
        new = torch.einsum("bh,bn,bhp->bhnp", dt[:, t], b[:, t], v)
        state = torch.exp(dt[:, t] * a)[..., None, None] * state + new
        y = torch.einsum("bn,bhnp->bhp", c[:, t], state) + layer.skip[:, None] * v
        wanted.append(layer.out(rms(y.flatten(1) * F.silu(z[:, t]), 1e-5) * layer.norm.weight))
    torch.testing.assert_close(layer(x)[0], torch.stack(wanted, 1))


def test_a_retention_is_the_paper_s(x: Tensor) -> None:
    layer = made(Retention, heads=2)
    q, k, v, gate = (part.unflatten(-1, (2, -1)) for part in layer.project(x).chunk(4, -1))
    q, k = (apply_rotary(part.transpose(1, 2), torch.arange(TIME)[None], whole=True) for part in (q, k))
    gamma = 1 - torch.tensor([2.0**-5, 2.0**-6], dtype=x.dtype)
    back = torch.arange(TIME)[:, None] - torch.arange(TIME)
    decay = torch.where(back >= 0, gamma[:, None, None] ** back, 0.0)  # equation 5, the parallel form
    y = ((q @ k.transpose(-1, -2) * (SIZE // 2) ** -0.5) * decay) @ v.transpose(1, 2)
    wanted = layer.out(F.silu(gate.flatten(-2)) * rms(y.transpose(1, 2)).flatten(-2))
    torch.testing.assert_close(layer(x)[0], wanted, rtol=1e-6, atol=1e-7)  # gamma's logarithm is kept in float32


def test_an_mlstm_is_the_paper_s(x: Tensor) -> None:
    layer = made(MLSTM, heads=2)
    q, k = layer.asked(F.silu(convolved(layer.convolution, x))).unflatten(-1, (2, 2, -1)).unbind(-3)
    v, o = layer.project(x).unflatten(-1, (2, 2, -1)).unbind(-3)
    write, forget = (15 * torch.tanh(layer.gates(x) / 15)).chunk(2, -1)
    i, f = write.exp(), torch.sigmoid(forget)
    c = torch.zeros(BATCH, 2, SIZE // 2, SIZE // 2, dtype=x.dtype)
    n, wanted = c[..., 0], []
    for t in range(TIME):
        key = k[:, t] / math.sqrt(SIZE // 2)
        c = f[:, t, :, None, None] * c + i[:, t, :, None, None] * torch.einsum("bhv,bhk->bhvk", v[:, t], key)
        n = f[:, t, :, None] * n + i[:, t, :, None] * key
        below = (n * q[:, t]).sum(-1).abs().clamp(min=1)
        y = torch.einsum("bhvk,bhk->bhv", c, q[:, t]) / below[..., None]
        normal = (y - y.mean(-1, keepdim=True)) / (y.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
        wanted.append(layer.out(torch.sigmoid(o[:, t].flatten(1)) * normal.flatten(1) * layer.gain))
    torch.testing.assert_close(layer(x)[0], torch.stack(wanted, 1))


def test_an_rwkv_is_the_paper_s(x: Tensor) -> None:
    layer = made(RWKV, heads=2, rank=3)
    before = torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1)
    mixed = torch.tanh((x + (before - x) * layer.shift) @ layer.mixture_down)
    parts = []
    for number in range(5):  # r, k, v, g, w
        lora = mixed[..., 3 * number : 3 * number + 3] @ layer.mixture_up[number]
        parts.append(x + (before - x) * (layer.mixture[number] + lora))
    r, k, v = (
        f(part).unflatten(-1, (2, -1))
        for f, part in zip((layer.receptance, layer.key, layer.value), parts, strict=False)
    )
    omega = layer.decay + torch.tanh(parts[4] @ layer.decay_down) @ layer.decay_up
    w = torch.exp(-math.exp(-0.5) * torch.sigmoid(omega)).unflatten(-1, (2, -1))
    state, wanted = torch.zeros(BATCH, 2, SIZE // 2, SIZE // 2, dtype=x.dtype), []
    for t in range(TIME):
        new = k[:, t, :, :, None] * v[:, t, :, None]
        y = torch.einsum("bhk,bhkv->bhv", r[:, t], state + layer.bonus[..., None] * new)
        state = w[:, t, :, :, None] * state + new
        normal = (y - y.mean(-1, keepdim=True)) / (y.var(-1, unbiased=False, keepdim=True) + 64e-5).sqrt()
        normal = normal.flatten(1) * layer.norm.weight + layer.norm.bias
        wanted.append(layer.out(normal * F.silu(layer.gate(parts[3][:, t]))))
    torch.testing.assert_close(layer(x)[0], torch.stack(wanted, 1))


@pytest.mark.parametrize("window", [None, 1, 3, 50])
def test_causal_attention_is_the_paper_s(x: Tensor, window: int | None) -> None:
    layer = made(CausalAttention, heads=2, window=window)
    q, k, v = (part.unflatten(-1, (2, -1)).transpose(1, 2) for part in layer.project(x).chunk(3, -1))
    q, k = (apply_rotary(part, torch.arange(TIME)[None]) for part in (q, k))
    back = torch.arange(TIME)[:, None] - torch.arange(TIME)
    seen = (back >= 0) & (back < (window or TIME))
    scores = (q @ k.transpose(-1, -2) / math.sqrt(SIZE // 2)).masked_fill(~seen, -math.inf)
    wanted = layer.out((scores.softmax(-1) @ v).transpose(1, 2).flatten(-2))
    torch.testing.assert_close(layer(x)[0], wanted)


def test_attention_in_both_directions_sees_all_of_a_row_and_nothing_else(x: Tensor) -> None:
    layer = made(SelfAttention, heads=2)
    lengths = torch.tensor([TIME, 4])
    y = layer(x, lengths)
    torch.testing.assert_close(y[1, :4], layer(x[1:, :4], torch.tensor([4]))[0])
    other = x.clone()
    other[:, -1] += 1
    changed = layer(other, lengths)
    assert (changed[0, 0] - y[0, 0]).abs().max() > 1e-6
    torch.testing.assert_close(changed[1, :4], y[1, :4], rtol=0, atol=0)


def test_order_matters_to_attention_through_its_rotation_alone(x: Tensor) -> None:
    turned, lengths = x.flip(1), torch.tensor([TIME, TIME])
    plain, rotary = made(SelfAttention, heads=2, rotary=False), made(SelfAttention, heads=2)
    torch.testing.assert_close(plain(turned, lengths).flip(1), plain(x, lengths))
    assert (rotary(turned, lengths).flip(1) - rotary(x, lengths)).abs().max() > 1e-3


def test_a_rotation_tells_only_how_far_two_places_are_apart() -> None:
    torch.manual_seed(3)
    q, k = torch.randn(2, 1, 1, 6, dtype=torch.float64)
    products = [
        float(
            (apply_rotary(q[None], torch.tensor([[7 + far]])) * apply_rotary(k[None], torch.tensor([[3 + far]]))).sum()
        )
        for far in (0, 5, 100_000)
    ]
    assert max(products) - min(products) < 1e-9


def test_a_rotation_far_away_keeps_its_precision_in_float32() -> None:
    x = torch.randn(1, 1, 6)
    far = torch.tensor([[1_000_000]])
    torch.testing.assert_close(apply_rotary(x, far), apply_rotary(x.double(), far).float())


def test_what_is_kept_at_the_start_is_what_the_papers_say() -> None:
    torch.manual_seed(4)
    kept = torch.sigmoid(-RGLRU(64, 1024).fading)  # radius
    assert 0.9 <= float(kept.min()) < 0.91
    assert 0.998 < float(kept.max()) <= 0.999
    mamba = Mamba(16, 64, heads=64)
    steps = F.softplus(mamba.step_bias)
    assert 0.001 <= float(steps.min()) < 0.003
    assert 0.03 < float(steps.max()) <= 0.1001
    assert 1 <= float(mamba.log_rate.exp().min()) < float(mamba.log_rate.exp().max()) <= 16
    decays = torch.exp(-math.exp(-0.5) * torch.sigmoid(RWKV(16, 64).decay))
    assert float(decays.max()) > 0.995
    assert float(decays.min()) < 0.7
    torch.testing.assert_close(Retention(8, 8).log_decay.exp(), 1 - 2.0 ** -torch.arange(5, 9))
    torch.testing.assert_close(MLSTM(8, 8).gates.bias[4:], torch.linspace(3, 6, 4))


@pytest.mark.parametrize("kind", [RGLRU, RWKV, Retention, MLSTM, CausalAttention, SelfAttention])
def test_a_size_that_heads_cannot_share_is_refused(kind: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"size \(10\) must be a multiple of heads \(4\)"):
        kind(5, 10, heads=4)


def test_other_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expand \(3\) times size \(5\) must be a multiple of heads \(8\)"):
        Mamba(5, 5, expand=3)
    with pytest.raises(ValueError, match=r"window must be at least 1 .* and 0 was given"):
        CausalAttention(8, 8, window=0)
    with pytest.raises(ValueError, match=r"width must be at least 1 .* and 0 was given"):
        ShortConvolution(4, 0)


def test_the_state_of_a_window_stops_growing() -> None:
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
def test_a_state_holds_on_to_nothing_but_itself(kind: Callable[..., Recurrence[Any]]) -> None:
    """Or a checkpoint would hold the whole sequence too."""
    _, state = made(kind)(torch.randn(BATCH, 100, INPUT, dtype=torch.float64))
    for part in flatten(state):
        assert part.untyped_storage().nbytes() <= 2 * part.numel() * part.element_size()


@pytest.mark.parametrize("kind", [SLSTM, RWKV, Retention, CausalAttention, SelfAttention])
def test_a_head_of_one_feature_is_refused_where_nothing_would_be_left_of_it(kind: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"a head must have at least 2 features, and size \(4\) gives 4 heads fewer"):
        kind(5, 4, heads=4)
