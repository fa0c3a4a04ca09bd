"""Initialization: fixed values equal those of the public packages, random ones have the same distribution."""

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
CRITICAL_DISTANCE = 1.95  # Kolmogorov-Smirnov: 1 in 1000 pairs of samples of one distribution exceeds it


def compare_fixed(comparison: Comparison, pairs: dict[str, tuple[Tensor, Tensor]]) -> None:
    for name, (ours, theirs) in pairs.items():
        ours, theirs = ours.detach().double(), theirs.detach().double()
        assert ours.shape == theirs.shape, name
        difference = float((ours - theirs).abs().max())
        comparison.agreement.record(comparison.row, "fixed values", difference)
        assert difference < 1e-5, f"initial {name} differs by {difference}"


def compare_random(comparison: Comparison, pairs: dict[str, tuple[Tensor, Tensor]]) -> None:
    for name, (ours, theirs) in pairs.items():
        assert ours.unique().numel() > 1, f"{name} is not random"
        distance = max_cdf_distance(ours, theirs) / (
            CRITICAL_DISTANCE * math.sqrt(1 / ours.numel() + 1 / theirs.numel())
        )
        comparison.agreement.record(comparison.row, "distributions", distance)
        assert distance < 1, f"initial {name} has another distribution: {distance:.1f} of the critical distance"


def max_cdf_distance(ours: Tensor, theirs: Tensor) -> float:
    """Return the largest difference of the two samples' cumulative distributions."""
    ours, theirs = (x.detach().double().flatten().sort().values for x in (ours, theirs))
    values = torch.cat([ours, theirs])
    cdfs = [torch.searchsorted(x, values, right=True) / x.numel() for x in (ours, theirs)]
    return float((cdfs[0] - cdfs[1]).abs().max())


def test_distance_distinguishes_distributions_of_equal_deviation() -> None:
    uniform, normal = torch.empty(10_000).uniform_(-1, 1), torch.randn(10_000) * 3**-0.5
    assert max_cdf_distance(uniform, normal) > CRITICAL_DISTANCE * (2 / 10_000) ** 0.5
    assert max_cdf_distance(normal, torch.randn(10_000) * 3**-0.5) < CRITICAL_DISTANCE * (2 / 10_000) ** 0.5


def gate_products(weight_hh: Tensor, gates: int) -> Tensor:
    return torch.stack([gate @ gate.T for gate in weight_hh.chunk(gates)])


def in_haste_order(biases: Tensor) -> Tensor:
    """Reorder the gates input, forget, cell, output as input, cell, forget, output."""
    i, f, g, o = biases.chunk(4)
    return torch.cat([i, g, f, o])


def test_lstm_and_gru_initialization(compare: Compare) -> None:
    lstm, theirs = LSTM(SIZE, SIZE), HasteLSTM(SIZE, SIZE)
    weight_ih, weight_hh, bias_ih, _ = lstm.rnn.all_weights[0]
    comparison = compare("LSTM, initialization", "haste-pytorch-cpu")
    compare_random(comparison, {"input": (weight_ih, theirs.kernel), "recurrent": (weight_hh, theirs.recurrent_kernel)})
    compare_fixed(
        comparison,
        {
            "biases": (in_haste_order(bias_ih), theirs.bias),
            "products": (gate_products(weight_hh, 4), gate_products(theirs.recurrent_kernel.T, 4)),
        },
    )
    gru, theirs = GRU(SIZE, SIZE, keep_bias=0.0), HasteGRU(SIZE, SIZE)
    weight_ih, weight_hh, bias_ih, bias_hh = gru.rnn.all_weights[0]
    comparison = compare("GRU, initialization", "haste-pytorch-cpu", "with keep_bias 0; ours is 1")
    compare_random(comparison, {"input": (weight_ih, theirs.kernel), "recurrent": (weight_hh, theirs.recurrent_kernel)})
    compare_fixed(
        comparison,
        {
            "biases": (bias_ih + bias_hh, theirs.bias + theirs.recurrent_bias),
            "products": (gate_products(weight_hh, 3), gate_products(theirs.recurrent_kernel.T, 3)),
        },
    )


def test_layer_norm_initialization(compare: Compare) -> None:
    lstm, theirs = LayerNormLSTM(SIZE, SIZE), HasteLayerNormLSTM(SIZE, SIZE)
    comparison = compare("LayerNormLSTM, initialization", "haste-pytorch-cpu")
    compare_random(
        comparison,
        {
            "input": (lstm.linear_ih.weight, theirs.kernel),
            "recurrent": (lstm.linear_hh.weight, theirs.recurrent_kernel),
        },
    )
    bias = in_haste_order(lstm.norm_ih.bias + lstm.norm_hh.bias)
    gains = torch.stack([lstm.norm_ih.weight, lstm.norm_hh.weight])
    compare_fixed(
        comparison,
        {
            "biases": (bias, theirs.bias),
            "gains": (gains, theirs.gamma),
            "cell's gain": (lstm.norm_cell.weight, theirs.gamma_h),
            "cell's bias": (lstm.norm_cell.bias, theirs.beta_h),
        },
    )
    gru, theirs = LayerNormGRU(SIZE, SIZE, keep_bias=0.0), HasteLayerNormGRU(SIZE, SIZE)
    comparison = compare("LayerNormGRU, initialization", "haste-pytorch-cpu", "with keep_bias 0; ours is 1")
    compare_random(
        comparison,
        {"input": (gru.linear_ih.weight, theirs.kernel), "recurrent": (gru.linear_hh.weight, theirs.recurrent_kernel)},
    )
    compare_fixed(
        comparison, {"biases": (torch.cat([gru.norm_ih.gates.bias, gru.norm_ih.candidate.bias]), theirs.bias)}
    )


def test_slstm_initialization(compare: Compare) -> None:
    layer = SLSTM(SIZE, SIZE, HEADS)
    config = sLSTMCellConfig(hidden_size=SIZE, num_heads=HEADS, backend="vanilla", _block_idx=1, _num_blocks=3)
    cell = sLSTMCell(config)
    biases = layer.linear_ih.bias.view(HEADS, 4, -1).transpose(0, 1).flatten()
    comparison = compare("SLSTM, initialization", "xlstm", "theirs for the second of three blocks")
    compare_fixed(
        comparison,
        {"recurrent": (layer.weight_hh.transpose(1, 2), cell._recurrent_kernel_), "biases": (biases, cell._bias_)},
    )


def test_mlstm_initialization(compare: Compare) -> None:
    layer = MLSTM(SIZE, SIZE, SIZE // 2)  # many heads, since each has a single gate bias
    cell = mLSTMCell(mLSTMCellConfig(context_length=1, embedding_dim=SIZE, num_heads=SIZE // 2))
    convolution = CausalConv1d(CausalConv1dConfig(feature_dim=SIZE)).conv
    input_bias, forget_bias = layer.gates.bias.chunk(2)
    comparison = compare("MLSTM, initialization", "xlstm", "gates and convolution")
    compare_random(
        comparison,
        {
            "input gate's bias": (input_bias, cell.igate.bias),
            "convolution": (layer.convolution.weight, convolution.weight),
            "convolution's bias": (layer.convolution.bias, convolution.bias),
        },
    )
    zeros = torch.zeros_like(layer.gates.weight)
    assert not cell.igate.weight.any()
    assert not cell.fgate.weight.any()
    compare_fixed(
        comparison, {"gates": (layer.gates.weight, zeros), "forget gate's bias": (forget_bias, cell.fgate.bias)}
    )


def test_rg_lru_initialization(compare: Compare) -> None:
    layer, block = RGLRU(SIZE, SIZE, HEADS), modules.RecurrentBlock(SIZE, HEADS, SIZE)
    unit = block.rg_lru
    comparison = compare("RGLRU, initialization", "recurrentgemma", "all but its linear layers")
    compare_random(
        comparison,
        {
            "convolution": (layer.convolution.weight, block.conv_1d.w),
            "gates": (layer.gate_weight, torch.stack([unit.a_gate.w, unit.input_gate.w])),
            "decay": (layer.decay, unit.a_param),
        },
    )
    biases = torch.stack([unit.a_gate.b.flatten(), unit.input_gate.b.flatten()])
    compare_fixed(
        comparison,
        {"convolution's bias": (layer.convolution.bias, block.conv_1d.b), "gates' biases": (layer.gate_bias, biases)},
    )


def test_mamba_initialization(compare: Compare) -> None:
    config = Mamba2Config(num_heads=SIZE, head_dim=2, hidden_size=SIZE, state_size=64, n_groups=1, num_hidden_layers=1)
    layer, mixer = Mamba(SIZE, SIZE, heads=SIZE, state_size=64), Mamba2Mixer(config, layer_idx=0)
    comparison = compare(
        "Mamba, initialization", "transformers", "all but A, which is random from 1 to 16 here, as in mamba-ssm"
    )
    compare_random(
        comparison,
        {
            "input": (layer.input_projection.weight, mixer.in_proj.weight),
            "convolution": (layer.convolution.weight, mixer.conv1d.weight),
            "convolution's bias": (layer.convolution.bias, mixer.conv1d.bias),
            "step sizes": (layer.dt_bias, mixer.dt_bias),
            "output": (layer.output_projection.weight, mixer.out_proj.weight),
        },
    )
    compare_fixed(comparison, {"D": (layer.skip, mixer.D), "norm": (layer.norm.weight, mixer.norm.weight)})


def test_retention_initialization(compare: Compare) -> None:
    layer = Retention(SIZE, SIZE, HEADS)
    config = RetNetConfig(decoder_embed_dim=SIZE, decoder_retention_heads=HEADS)
    module = MultiScaleRetention(config, SIZE, SIZE, HEADS)
    projections = (module.q_proj, module.k_proj, module.v_proj, module.g_proj)
    pairs = zip(layer.input_projection.weight.chunk(4), projections, strict=True)
    weights = {f"projection {n}": (ours, theirs.weight) for n, (ours, theirs) in enumerate(pairs)}
    comparison = compare("Retention, initialization", "torchscale")
    compare_random(comparison, weights | {"output": (layer.output_projection.weight, module.out_proj.weight)})
    decay = RetNetRelPos(config).decay
    compare_fixed(comparison, {"decay": (layer.log_decay, decay)})


def test_rwkv_initialization(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = RWKV(SIZE, SIZE, HEADS)
    monkeypatch.setattr(TimeMix, "_TD_EXTRA_DIM", layer.decay_down.shape[1])  # 64 there
    module = TimeMix(SIZE, SIZE // HEADS, layer_idx=10**6, n_layer=2 * 10**6 + 1)  # the middle one of very many
    theirs = dict(module.named_parameters())
    remark = "theirs at half depth; all but decays and their bound, which are RWKV-7's, the norm's gain and the output"
    comparison = compare("RWKV, initialization", "rwkv-simple", remark)
    layers = {"receptance": layer.receptance, "key": layer.key, "value": layer.value, "gate": layer.gate}
    weights = {name: (linear.weight, theirs[f"{name}.weight"]) for name, linear in layers.items()}
    weights["mix, up"] = (layer.mix_up, theirs["time_maa_w2"])
    weights["decays, up"] = (layer.decay_up, theirs["time_decay_w2"])
    compare_random(comparison, weights)
    mixes = {
        f"mix of {name}": (layer.mix_rkvgw[n], theirs[f"time_maa_{name}"].flatten()) for n, name in enumerate("rkvgw")
    }
    compare_fixed(
        comparison,
        mixes
        | {
            "mix of x": (layer.mix_x, theirs["time_maa_x"].flatten()),
            "mix, down": (layer.mix_down, theirs["time_maa_w1"]),
            "decays, down": (layer.decay_down, theirs["time_decay_w1"]),
            "bonus": (layer.bonus, theirs["time_faaaa"]),
        },
    )
