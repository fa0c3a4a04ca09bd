"""Retention against the authors' package torchscale."""

from typing import Any

import pytest
import torch
from agreement import Compare
from comparing import SIZES, Reference, Weights, compare_layer, perturb
from torch import Tensor, nn
from torchscale_retention import MultiScaleRetention, RetNetConfig, RetNetRelPos

from seq2seq.recurrence import Retention
from seq2seq.recurrence.retention import RetentionState

VALUE_SCALE = 1e5  # of the values, so that the norm's epsilon, which torchscale scales row by row, is negligible
REMARK = "their feature pairs are adjacent, ours half a head apart"


class Published(nn.Module):
    """Their layer with their positions, and with projections of any input size."""

    def __init__(self, input_size: int, size: int, heads: int) -> None:
        super().__init__()
        config = RetNetConfig(decoder_embed_dim=size, decoder_retention_heads=heads, layernorm_eps=1e-6)
        self.positions = RetNetRelPos(config)
        # float32 there, whatever the default dtype is
        self.positions.decay = torch.log(1 - 2.0 ** (-5 - torch.arange(heads, dtype=torch.float64)))
        self.retention = MultiScaleRetention(config, size, size, heads)
        for name in ("q_proj", "k_proj", "v_proj", "g_proj"):
            setattr(self.retention, name, nn.Linear(input_size, size, bias=False))

    def whole(self, x: Tensor) -> Tensor:
        return self.retention(x, self.positions(x.shape[1]))  # type: ignore[no-any-return]

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        position, memory = (0, {}) if state is None else state
        positions = self.positions(position + 1, activate_recurrent=True)
        return self.retention(x, positions, incremental_state=memory), (position + 1, memory)


@pytest.mark.usefixtures("double")
@SIZES
def test_retention(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = Retention(size - heads, size, heads)
    perturb(layer, amount=0.3)
    with torch.no_grad():
        layer.input_projection.weight[2 * size : 3 * size] *= VALUE_SCALE
    module = Published(size - heads, size, heads)

    def interleaved(x: Tensor) -> Tensor:
        """Interleave the first and the second half of each head."""
        return x.unflatten(0, (heads, 2, -1)).transpose(1, 2).flatten(0, 2)

    def weights() -> Weights:
        q, k, v, g = layer.input_projection.weight.chunk(4)
        return {
            "retention.q_proj.weight": interleaved(q),
            "retention.k_proj.weight": interleaved(k),
            "retention.v_proj.weight": v,
            "retention.g_proj.weight": g,
            "retention.out_proj.weight": layer.output_projection.weight,
        }

    def states(ours: RetentionState, theirs: Any) -> list[tuple[Tensor, Tensor]]:
        _, memory = theirs
        scaled = memory["prev_key_value"] * memory["scale"].sqrt().view(heads, 1, 1)
        keys = scaled.transpose(-1, -2).unflatten(-2, (-1, 2)).transpose(-2, -3).flatten(-3, -2)
        return [(ours.memory, keys)]

    reference = Reference(module, weights, module.whole, module.step, states)
    compare_layer(layer, reference, compare("Retention", "torchscale", REMARK), time)
