"""RGLRU against the authors' package recurrentgemma."""

from functools import partial
from typing import Any

import pytest
import torch
from agreement import Compare
from comparing import BATCH, SIZES, Reference, Weights, compare_layer, perturb
from recurrentgemma_torch import layers, modules
from torch import Tensor, nn
from torch.nn import functional

from seq2seq.recurrence import RGLRU
from seq2seq.recurrence.rglru import RGLRUState

REMARK = "theirs patched: the exact gelu for its approximation, and accumulation in float64 for float32"


class Block(nn.Module):
    """Their block with an output size of its own, and with positions."""

    def __init__(self, input_size: int, size: int, heads: int) -> None:
        super().__init__()
        self.block = modules.RecurrentBlock(input_size, heads, size)
        self.block.linear_out = nn.Linear(size, size)

    def whole(self, x: Tensor) -> Tensor:
        positions = torch.arange(x.shape[1]).expand(len(x), -1)
        return self.block(x, positions, return_cache=False)[0]  # type: ignore[no-any-return]

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        position, cache = (0, None) if state is None else state
        y, cache = self.block(x, torch.full((BATCH, 1), position), cache)
        return y, (position + 1, cache)


@pytest.mark.usefixtures("double")
@SIZES
def test_rg_lru(compare: Compare, monkeypatch: pytest.MonkeyPatch, size: int, heads: int, time: int) -> None:
    monkeypatch.setattr(modules, "gelu", functional.gelu)
    monkeypatch.setattr(layers, "rnn_scan", partial(layers.rnn_scan, acc_dtype=torch.float64))
    layer = RGLRU(size - heads, size, heads)
    perturb(layer, amount=0.3)
    module = Block(size - heads, size, heads)

    def weights() -> Weights:
        (x_weight, y_weight), (x_bias, y_bias) = (part.chunk(2) for part in layer.input_projection.parameters())
        return {
            "block.linear_x.weight": x_weight,
            "block.linear_x.bias": x_bias,
            "block.linear_y.weight": y_weight,
            "block.linear_y.bias": y_bias,
            "block.linear_out.weight": layer.output_projection.weight,
            "block.linear_out.bias": layer.output_projection.bias,
            "block.conv_1d.w": layer.convolution.weight,
            "block.conv_1d.b": layer.convolution.bias,
            "block.rg_lru.a_param": layer.decay,
            "block.rg_lru.a_gate.w": layer.gate_weight[0],
            "block.rg_lru.a_gate.b": layer.gate_bias[0].view(heads, -1),
            "block.rg_lru.input_gate.w": layer.gate_weight[1],
            "block.rg_lru.input_gate.b": layer.gate_bias[1].view(heads, -1),
        }

    def states(ours: RGLRUState, theirs: Any) -> list[tuple[Tensor, Tensor]]:
        _, cache = theirs
        return [(ours.convolution, cache.conv1d_state), (ours.hidden, cache.rg_lru_state)]

    reference = Reference(module, weights, module.whole, module.step, states)
    compare_layer(layer, reference, compare("RGLRU", "recurrentgemma", REMARK), time)
