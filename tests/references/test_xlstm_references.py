"""SLSTM and MLSTM against the authors' package xlstm, whose kernels for GPUs are left aside."""

from typing import Any

import pytest
import torch
from agreement import Compare
from comparing import SIZES, Reference, Weights, compare_layer, perturbed
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
    """The authors' cell and their norm of its heads, behind one linear layer for all gates."""

    def __init__(self, input_size: int, size: int, heads: int) -> None:
        super().__init__()
        self.outer = nn.Linear(input_size, 4 * size, bias=False)
        self.cell = sLSTMCell(sLSTMCellConfig(hidden_size=size, num_heads=heads, backend="vanilla"))
        self.cell.double()  # its biases are float32 whatever is asked for
        self.norm = MultiHeadLayerNorm(ndim=size)

    def whole(self, x: Tensor) -> Tensor:
        return self.step(x, None)[0]

    def step(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        y, state = self.cell(self.outer(x), state=state)
        return self.norm(y).transpose(1, 2).flatten(2), state


@SIZES
def test_slstm(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = SLSTM(size - heads, size, heads)
    perturbed(layer, amount=0.3)
    module = PublishedSLSTM(size - heads, size, heads)

    def by_gate(x: Tensor) -> Tensor:
        """From gates within heads to heads within gates."""
        return x.unflatten(0, (heads, 4, -1)).transpose(0, 1).flatten(0, 2)

    def weights() -> Weights:
        return {
            "outer.weight": by_gate(layer.outer.weight),
            "cell._bias_": by_gate(layer.outer.bias),
            "cell._recurrent_kernel_": layer.inner.transpose(1, 2),
            "norm.weight": layer.gain - 1,
        }

    def states(ours: SLSTMState, theirs: Tensor) -> list[tuple[Tensor, Tensor]]:
        hidden, cell, normaliser, stabiliser = theirs.unflatten(-1, (heads, -1))
        return [
            (ours.hidden, hidden),
            (ours.cell, cell),
            (ours.normaliser, normaliser),
            (ours.stabiliser, stabiliser),
        ]

    reference = Reference(module, weights, module.whole, module.step, states)
    compare_layer(layer, reference, compare("SLSTM", "xlstm"), time)


class OfAnother(nn.Linear):
    """A linear layer that reads what it was given beforehand, whatever its input."""

    near: Tensor

    def forward(self, _: Tensor) -> Tensor:
        return F.linear(self.near, self.weight, self.bias)


class PublishedMLSTM(nn.Module):
    """The authors' layer of xLSTM 7B, whose queries and keys read their convolution of xLSTM's first form."""

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
        self.layer.q, self.layer.k = OfAnother(input_size, size), OfAnother(input_size, size)
        for name in ("v", "ogate_preact", "igate_preact", "fgate_preact"):  # which would read as much as comes out
            setattr(self.layer, name, nn.Linear(input_size, getattr(self.layer, name).out_features))
        self.convolution = CausalConv1d(CausalConv1dConfig(feature_dim=input_size))

    def whole(self, x: Tensor) -> Tensor:
        return self.read(x, self.convolution(x), None)[0]

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        before, memory = (None, None) if state is None else state
        near, before = self.convolution.step(x, before)
        y, memory = self.read(x, near, memory)
        return y, (before, memory)

    def read(self, x: Tensor, near: Tensor, memory: Any) -> tuple[Tensor, Any]:
        self.layer.q.near = self.layer.k.near = F.silu(near)
        return self.layer(x, memory)  # type: ignore[no-any-return]


@SIZES
def test_mlstm(compare: Compare, size: int, heads: int, time: int) -> None:
    layer = MLSTM(size - heads, size, heads)
    perturbed(layer, amount=0.3)
    module = PublishedMLSTM(size - heads, size, heads)

    def weights() -> Weights:
        found = {
            "convolution.conv.weight": layer.convolution.weight.T[:, None],
            "convolution.conv.bias": layer.convolution.bias,
            "layer.multihead_norm.weight": layer.gain,
            "layer.multihead_norm.bias": torch.zeros_like(layer.gain),
        }
        for theirs, ours in (
            (("q", "k"), layer.asked),
            (("v", "ogate_preact"), layer.project),
            (("igate_preact", "fgate_preact"), layer.gates),
            (("out_proj",), layer.out),
        ):
            for kind in ("weight", "bias"):
                parts = getattr(ours, kind).chunk(len(theirs))
                found |= {f"layer.{name}.{kind}": part for name, part in zip(theirs, parts, strict=True)}
        return found

    def states(ours: MLSTMState, theirs: Any) -> list[tuple[Tensor, Tensor]]:
        [before], (matrix, normaliser, stabiliser) = theirs
        memory = torch.cat([matrix, normaliser[..., None]], dim=-1) * stabiliser.exp()[..., None]
        scaled = memory * (size // heads) ** -0.5  # they scale queries, and we keys
        return [(ours.convolution, before[:, 1:]), (ours.memory, scaled)]

    reference = Reference(module, weights, module.whole, module.step, states)
    compare_layer(layer, reference, compare("MLSTM", "xlstm"), time)
