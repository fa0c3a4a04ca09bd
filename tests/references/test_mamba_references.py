"""Mamba against the Mamba-2 of transformers, its implementation in plain torch."""

import pytest
from agreement import Compare
from comparing import SIZES, Reference, Weights, compare_layer, perturb
from torch import Tensor, nn
from transformers import DynamicCache, Mamba2Config
from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer

from seq2seq.recurrence import Mamba
from seq2seq.recurrence.mamba import MambaState

STATE = 5


class Published(nn.Module):
    def __init__(self, input_size: int, size: int, heads: int) -> None:
        super().__init__()
        self.config = Mamba2Config(
            num_heads=heads,
            head_dim=2 * size // heads,
            hidden_size=size,
            state_size=STATE,
            n_groups=1,
            chunk_size=16,
            num_hidden_layers=1,
        )
        self.mixer = Mamba2Mixer(self.config, layer_idx=0)
        self.mixer.in_proj = nn.Linear(input_size, self.mixer.in_proj.out_features, bias=False)

    def whole(self, x: Tensor) -> Tensor:
        return self.mixer(x)  # type: ignore[no-any-return]

    def step(self, x: Tensor, cache: DynamicCache | None) -> tuple[Tensor, DynamicCache]:
        cache = DynamicCache(config=self.config) if cache is None else cache
        return self.mixer(x, cache), cache


@pytest.mark.usefixtures("double")
@SIZES
def test_mamba(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = Mamba(size - heads, size, heads=heads, state_size=STATE)
    perturb(layer, amount=0.3)
    module = Published(size - heads, size, heads)

    def weights() -> Weights:
        return {
            "mixer.in_proj.weight": layer.input_projection.weight,
            "mixer.conv1d.weight": layer.convolution.weight.T[:, None],
            "mixer.conv1d.bias": layer.convolution.bias,
            "mixer.dt_bias": layer.dt_bias,
            "mixer.A_log": layer.log_a,
            "mixer.D": layer.skip,
            "mixer.norm.weight": layer.norm.weight,
            "mixer.out_proj.weight": layer.output_projection.weight,
        }

    def states(ours: MambaState, theirs: DynamicCache) -> list[tuple[Tensor, Tensor]]:
        convolution = theirs.get_conv_state(0, state_idx=0).transpose(1, 2)
        memory = theirs.get_recurrent_state(0, state_idx=0).transpose(2, 3)
        return [(ours.convolution, convolution[:, -3:]), (ours.memory, memory)]

    reference = Reference(module, weights, module.whole, module.step, states)
    compare_layer(layer, reference, compare("Mamba", "transformers"), time)
