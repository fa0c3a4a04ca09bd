"""SLSTM and MLSTM against the authors' package xlstm, without its GPU kernels."""

from typing import Any

import pytest
import torch
from agreement import Compare
from comparing import SIZES, Reference, Weights, compare_layer, perturb
from mlstm_kernels.torch.backend_module import mLSTMBackendConfig
from torch import Tensor, nn
from torch.nn import functional as F
from xlstm.blocks.slstm.cell import sLSTMCell, sLSTMCellConfig
from xlstm.components.conv import CausalConv1d, CausalConv1dConfig
from xlstm.components.ln import MultiHeadLayerNorm
from xlstm.xlstm_large.model import mLSTMLayer, mLSTMLayerConfig

from seq2seq.recurrence import MLSTM, SLSTM
from seq2seq.recurrence.mlstm import MLSTMState
from seq2seq.recurrence.slstm import SLSTMState

pytestmark = pytest.mark.usefixtures("double")


class PublishedSLSTM(nn.Module):
    """The authors' cell and their norm of its heads, after one linear layer for all gates."""

    def __init__(self, input_size: int, size: int, heads: int) -> None:
        super().__init__()
        self.linear_ih = nn.Linear(input_size, 4 * size, bias=False)
        self.cell = sLSTMCell(sLSTMCellConfig(hidden_size=size, num_heads=heads, backend="vanilla"))
        self.cell.double()  # its biases are float32 whatever the default dtype is
        self.norm = MultiHeadLayerNorm(ndim=size)

    def whole(self, x: Tensor) -> Tensor:
        return self.step(x, None)[0]

    def step(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        y, state = self.cell(self.linear_ih(x), state=state)
        return self.norm(y).transpose(1, 2).flatten(2), state


@SIZES
def test_slstm(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = SLSTM(size - heads, size, heads)
    perturb(layer, amount=0.3)
    module = PublishedSLSTM(size - heads, size, heads)

    def by_gate(x: Tensor) -> Tensor:
        """Reorder from gates within heads to heads within gates."""
        return x.unflatten(0, (heads, 4, -1)).transpose(0, 1).flatten(0, 2)

    def weights() -> Weights:
        return {
            "linear_ih.weight": by_gate(layer.linear_ih.weight),
            "cell._bias_": by_gate(layer.linear_ih.bias),
            "cell._recurrent_kernel_": layer.weight_hh.transpose(1, 2),
            "norm.weight": layer.gain - 1,
        }

    def states(ours: SLSTMState, theirs: Tensor) -> list[tuple[Tensor, Tensor]]:
        hidden, cell, normalizer, stabilizer = theirs.unflatten(-1, (heads, -1))
        return [
            (ours.hidden, hidden),
            (ours.cell, cell),
            (ours.normalizer, normalizer),
            (ours.stabilizer, stabilizer),
        ]

    reference = Reference(module, weights, module.whole, module.step, states)
    compare_layer(layer, reference, compare("SLSTM", "xlstm"), time)


class LinearOfOther(nn.Linear):
    """A linear layer of an input that is set beforehand, in place of its argument."""

    other: Tensor

    def forward(self, _: Tensor) -> Tensor:
        return F.linear(self.other, self.weight, self.bias)


class PublishedMLSTM(nn.Module):
    """The authors' layer of xLSTM 7B, with the convolution of the first xLSTM before its queries and keys."""

    def __init__(self, input_size: int, size: int, heads: int) -> None:
        super().__init__()
        kernels = mLSTMBackendConfig(mode="inference", chunk_size=16, eps=0.0, inference_state_dtype="float64")
        config = mLSTMLayerConfig(
            embedding_dim=size,
            num_heads=heads,
            use_bias=True,
            norm_eps=1e-5,
            norm_reduction_force_float32=False,
            qk_dim_factor=1.0,
            mlstm_backend=kernels,
        )
        self.layer = mLSTMLayer(config)
        self.layer.q, self.layer.k = LinearOfOther(input_size, size), LinearOfOther(input_size, size)
        for name in (
            "v",
            "ogate_preact",
            "igate_preact",
            "fgate_preact",
        ):  # their inputs have as many features as their outputs
            setattr(self.layer, name, nn.Linear(input_size, getattr(self.layer, name).out_features))
        self.convolution = CausalConv1d(CausalConv1dConfig(feature_dim=input_size))

    def whole(self, x: Tensor) -> Tensor:
        return self.call(x, self.convolution(x), None)[0]

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        convolution, memory = (None, None) if state is None else state
        convolved, convolution = self.convolution.step(x, convolution)
        y, memory = self.call(x, convolved, memory)
        return y, (convolution, memory)

    def call(self, x: Tensor, convolved: Tensor, memory: Any) -> tuple[Tensor, Any]:
        self.layer.q.other = self.layer.k.other = F.silu(convolved)
        return self.layer(x, memory)  # type: ignore[no-any-return]


@SIZES
def test_mlstm(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = MLSTM(size - heads, size, heads)
    perturb(layer, amount=0.3)
    module = PublishedMLSTM(size - heads, size, heads)

    def weights() -> Weights:
        parameters = {
            "convolution.conv.weight": layer.convolution.weight.T[:, None],
            "convolution.conv.bias": layer.convolution.bias,
            "layer.multihead_norm.weight": layer.gain,
            "layer.multihead_norm.bias": torch.zeros_like(layer.gain),
        }
        for theirs, ours in (
            (("q", "k"), layer.query_key_projection),
            (("v", "ogate_preact"), layer.input_projection),
            (("igate_preact", "fgate_preact"), layer.gates),
            (("out_proj",), layer.output_projection),
        ):
            for kind in ("weight", "bias"):
                parts = getattr(ours, kind).chunk(len(theirs))
                parameters |= {f"layer.{name}.{kind}": part for name, part in zip(theirs, parts, strict=True)}
        return parameters

    def states(ours: MLSTMState, theirs: Any) -> list[tuple[Tensor, Tensor]]:
        [convolution], (matrix, normalizer, stabilizer) = theirs
        memory = torch.cat([matrix, normalizer[..., None]], dim=-1) * stabilizer.exp()[..., None]
        scaled = memory * (size // heads) ** -0.5  # they scale queries, we scale keys
        return [(ours.convolution, convolution[:, 1:]), (ours.memory, scaled)]

    reference = Reference(module, weights, module.whole, module.step, states)
    compare_layer(layer, reference, compare("MLSTM", "xlstm"), time)
