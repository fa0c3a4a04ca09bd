"""How layers start: fixed values are those of the public packages, random ones come from the same distributions."""

import math

import pytest
import torch
from agreement import Compare, Comparison
from haste_pytorch import GRU as HasteGRU  # noqa: N811
from haste_pytorch import LSTM as HasteLSTM  # noqa: N811
from haste_pytorch import LayerNormGRU as HasteLayerNormGRU
from haste_pytorch import LayerNormLSTM as HasteLayerNormLSTM
from recurrentgemma_torch import modules
from rwkv_simple.rwkv import TimeMix
from torch import Tensor
from torchscale_retention import MultiScaleRetention, RetNetConfig, RetNetRelPos
from transformers import Mamba2Config
from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer
from xlstm.blocks.mlstm.cell import mLSTMCell, mLSTMCellConfig
from xlstm.blocks.slstm.cell import sLSTMCell, sLSTMCellConfig
from xlstm.components.conv import CausalConv1d, CausalConv1dConfig

from seq2seq.recurrence import (
    GRU,
    LSTM,
    MLSTM,
    RGLRU,
    RWKV,
    SLSTM,
    LayerNormGRU,
    LayerNormLSTM,
    Mamba,
    Retention,
)

SIZE, HEADS = 256, 4
DOUBT = 1.95  # Kolmogorov and Smirnov: one pair of samples of one distribution in a thousand is further apart


def fixed(comparison: Comparison, pairs: dict[str, tuple[Tensor, Tensor]]) -> None:
    for name, (ours, theirs) in pairs.items():
        ours, theirs = ours.detach().double(), theirs.detach().double()
        assert ours.shape == theirs.shape, name
        difference = float((ours - theirs).abs().max())
        comparison.agreement.measured(comparison.row, "fixed values", difference)
        assert difference < 1e-5, f"{name} starts {difference} apart"


def drawn(comparison: Comparison, pairs: dict[str, tuple[Tensor, Tensor]]) -> None:
    for name, (ours, theirs) in pairs.items():
        assert ours.unique().numel() > 1, f"{name} is not random"
        distance = apart(ours, theirs) / (DOUBT * math.sqrt(1 / ours.numel() + 1 / theirs.numel()))
        comparison.agreement.measured(comparison.row, "distributions", distance)
        assert distance < 1, f"{name} starts from another distribution: {distance:.1f} of what chance allows"


def apart(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference of the two samples' cumulative distributions."""
    ours, theirs = (x.detach().double().flatten().sort().values for x in (ours, theirs))
    places = torch.cat([ours, theirs])
    shares = [torch.searchsorted(x, places, right=True) / x.numel() for x in (ours, theirs)]
    return float((shares[0] - shares[1]).abs().max())


def test_distributions_of_one_deviation_are_told_apart() -> None:
    uniform, normal = torch.empty(10_000).uniform_(-1, 1), torch.randn(10_000) * 3**-0.5
    assert apart(uniform, normal) > DOUBT * (2 / 10_000) ** 0.5
    assert apart(normal, torch.randn(10_000) * 3**-0.5) < DOUBT * (2 / 10_000) ** 0.5


def orthogonal(recurrent: Tensor, gates: int) -> Tensor:
    return torch.stack([gate @ gate.T for gate in recurrent.chunk(gates)])


def in_their_order(biases: Tensor) -> Tensor:
    """Ours are input, forget, cell and output; theirs input, cell, forget and output."""
    i, f, g, o = biases.chunk(4)
    return torch.cat([i, g, f, o])


def test_haste_starts(compare: Compare) -> None:
    lstm, theirs = LSTM(SIZE, SIZE), HasteLSTM(SIZE, SIZE)
    outer, inner, bias, _ = lstm.kernel.all_weights[0]
    comparison = compare("LSTM, start", "haste-pytorch-cpu")
    drawn(comparison, {"input": (outer, theirs.kernel), "recurrent": (inner, theirs.recurrent_kernel)})
    fixed(
        comparison,
        {
            "biases": (in_their_order(bias), theirs.bias),
            "products": (orthogonal(inner, 4), orthogonal(theirs.recurrent_kernel.T, 4)),
        },
    )
    gru, theirs = GRU(SIZE, SIZE, keep_bias=0.0), HasteGRU(SIZE, SIZE)
    outer, inner, bias, other_bias = gru.kernel.all_weights[0]
    comparison = compare("GRU, start", "haste-pytorch-cpu", "with keep_bias 0; ours is 1")
    drawn(comparison, {"input": (outer, theirs.kernel), "recurrent": (inner, theirs.recurrent_kernel)})
    fixed(
        comparison,
        {
            "biases": (bias + other_bias, theirs.bias + theirs.recurrent_bias),
            "products": (orthogonal(inner, 3), orthogonal(theirs.recurrent_kernel.T, 3)),
        },
    )


def test_normalised_haste_starts(compare: Compare) -> None:
    lstm, theirs = LayerNormLSTM(SIZE, SIZE), HasteLayerNormLSTM(SIZE, SIZE)
    comparison = compare("LayerNormLSTM, start", "haste-pytorch-cpu")
    drawn(
        comparison,
        {"input": (lstm.outer.weight, theirs.kernel), "recurrent": (lstm.inner.weight, theirs.recurrent_kernel)},
    )
    bias = in_their_order(lstm.outer_norm.bias + lstm.inner_norm.bias)
    gains = torch.stack([lstm.outer_norm.weight, lstm.inner_norm.weight])
    fixed(
        comparison,
        {
            "biases": (bias, theirs.bias),
            "gains": (gains, theirs.gamma),
            "cell's gain": (lstm.cell_norm.weight, theirs.gamma_h),
            "cell's bias": (lstm.cell_norm.bias, theirs.beta_h),
        },
    )
    gru, theirs = LayerNormGRU(SIZE, SIZE, keep_bias=0.0), HasteLayerNormGRU(SIZE, SIZE)
    comparison = compare("LayerNormGRU, start", "haste-pytorch-cpu", "with keep_bias 0; ours is 1")
    drawn(
        comparison,
        {"input": (gru.outer.weight, theirs.kernel), "recurrent": (gru.inner.weight, theirs.recurrent_kernel)},
    )
    fixed(comparison, {"biases": (torch.cat([gru.outer_norm.gates.bias, gru.outer_norm.candidate.bias]), theirs.bias)})


def test_slstm_start(compare: Compare) -> None:
    layer = SLSTM(SIZE, SIZE, HEADS)
    config = sLSTMCellConfig(hidden_size=SIZE, num_heads=HEADS, backend="vanilla", _block_idx=1, _num_blocks=3)
    cell = sLSTMCell(config)
    biases = layer.outer.bias.view(HEADS, 4, -1).transpose(0, 1).flatten()
    comparison = compare("SLSTM, start", "xlstm", "theirs in the middle of three blocks")
    fixed(
        comparison,
        {"recurrent": (layer.inner.transpose(1, 2), cell._recurrent_kernel_), "biases": (biases, cell._bias_)},
    )


def test_mlstm_start(compare: Compare) -> None:
    layer = MLSTM(SIZE, SIZE, SIZE // 2)  # many heads, since each has one bias of its gate
    cell = mLSTMCell(mLSTMCellConfig(context_length=1, embedding_dim=SIZE, num_heads=SIZE // 2))
    convolution = CausalConv1d(CausalConv1dConfig(feature_dim=SIZE)).conv
    write, forget = layer.gates.bias.chunk(2)
    comparison = compare("MLSTM, start", "xlstm", "gates and convolution")
    drawn(
        comparison,
        {
            "input gate's bias": (write, cell.igate.bias),
            "convolution": (layer.convolution.weight, convolution.weight),
            "convolution's bias": (layer.convolution.bias, convolution.bias),
        },
    )
    zeros = torch.zeros_like(layer.gates.weight)
    assert not cell.igate.weight.any()
    assert not cell.fgate.weight.any()
    fixed(comparison, {"gates": (layer.gates.weight, zeros), "forget gate's bias": (forget, cell.fgate.bias)})


def test_rg_lru_start(compare: Compare) -> None:
    layer, block = RGLRU(SIZE, SIZE, HEADS), modules.RecurrentBlock(SIZE, HEADS, SIZE)
    unit = block.rg_lru
    comparison = compare("RGLRU, start", "recurrentgemma", "all but its linear layers")
    drawn(
        comparison,
        {
            "convolution": (layer.convolution.weight, block.conv_1d.w),
            "gates": (layer.gate_weight, torch.stack([unit.a_gate.w, unit.input_gate.w])),
            "decay": (layer.fading, unit.a_param),
        },
    )
    biases = torch.stack([unit.a_gate.b.flatten(), unit.input_gate.b.flatten()])
    fixed(
        comparison,
        {"convolution's bias": (layer.convolution.bias, block.conv_1d.b), "gates' biases": (layer.gate_bias, biases)},
    )


def test_mamba_start(compare: Compare) -> None:
    config = Mamba2Config(num_heads=SIZE, head_dim=2, hidden_size=SIZE, state_size=64, n_groups=1, num_hidden_layers=1)
    layer, mixer = Mamba(SIZE, SIZE, heads=SIZE, state_size=64), Mamba2Mixer(config, layer_idx=0)
    comparison = compare("Mamba, start", "transformers", "all but A, which is 1 to 16 at random here as in mamba-ssm")
    drawn(
        comparison,
        {
            "input": (layer.project.weight, mixer.in_proj.weight),
            "convolution": (layer.convolution.weight, mixer.conv1d.weight),
            "convolution's bias": (layer.convolution.bias, mixer.conv1d.bias),
            "step sizes": (layer.step_bias, mixer.dt_bias),
            "output": (layer.out.weight, mixer.out_proj.weight),
        },
    )
    fixed(comparison, {"D": (layer.skip, mixer.D), "norm": (layer.norm.weight, mixer.norm.weight)})


def test_retention_start(compare: Compare) -> None:
    layer = Retention(SIZE, SIZE, HEADS)
    config = RetNetConfig(decoder_embed_dim=SIZE, decoder_retention_heads=HEADS)
    module = MultiScaleRetention(config, SIZE, SIZE, HEADS)
    projections = (module.q_proj, module.k_proj, module.v_proj, module.g_proj)
    pairs = zip(layer.project.weight.chunk(4), projections, strict=True)
    found = {f"projection {n}": (ours, theirs.weight) for n, (ours, theirs) in enumerate(pairs)}
    comparison = compare("Retention, start", "torchscale")
    drawn(comparison, found | {"output": (layer.out.weight, module.out_proj.weight)})
    decay = RetNetRelPos(config).decay
    fixed(comparison, {"decay": (layer.log_decay, decay)})


def test_rwkv_start(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = RWKV(SIZE, SIZE, HEADS)
    monkeypatch.setattr(TimeMix, "_TD_EXTRA_DIM", layer.decay_down.shape[1])  # 64 there
    module = TimeMix(SIZE, SIZE // HEADS, layer_idx=10**6, n_layer=2 * 10**6 + 1)  # half-way through very many
    theirs = dict(module.named_parameters())
    remark = "theirs half-way; all but decays, which are RWKV-7's as their bound is, the norm's gain and the output"
    comparison = compare("RWKV, start", "rwkv-simple", remark)
    names = {"receptance": layer.receptance, "key": layer.key, "value": layer.value, "gate": layer.gate}
    found = {name: (part.weight, theirs[f"{name}.weight"]) for name, part in names.items()}
    found["mixtures, up"] = (layer.mixture_up, theirs["time_maa_w2"])
    found["decays, up"] = (layer.decay_up, theirs["time_decay_w2"])
    drawn(comparison, found)
    shares = {
        f"mixture of {name}": (layer.mixture[n], theirs[f"time_maa_{name}"].flatten()) for n, name in enumerate("rkvgw")
    }
    fixed(
        comparison,
        shares
        | {
            "shift": (layer.shift, theirs["time_maa_x"].flatten()),
            "mixtures, down": (layer.mixture_down, theirs["time_maa_w1"]),
            "decays, down": (layer.decay_down, theirs["time_decay_w1"]),
            "bonus": (layer.bonus, theirs["time_faaaa"]),
        },
    )
