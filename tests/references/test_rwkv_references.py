"""RWKV against rwkv-simple, which has gradients, and against the authors' package rwkv, which is for inference only.

Our decay is bounded as in RWKV-7, theirs is not. rwkv-simple gets the bounded decay by a patch of its recurrence; the
authors' function computes its decays itself, so that it is compared for decays that do not depend on the input.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from agreement import Compare
from comparing import BATCH, SIZES, Reference, Weights, compare_layer, perturb
from rwkv.model import RWKV as PublishedRWKV  # noqa: N811
from rwkv_simple import rwkv as simple
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.recurrence import RWKV, BlockConfig, Stack
from seq2seq.recurrence.rwkv import RWKVState

BOUND = -(torch.e**-0.5)
MIX_ORDER = [4, 1, 2, 0, 3]  # indices of w, k, v, r and g, their order, in our order r, k, v, g, w
RANK = 3

pytestmark = pytest.mark.usefixtures("double")


@pytest.fixture(autouse=True)
def _eager() -> Iterator[None]:
    torch.compiler.set_stance("force_eager")
    yield
    torch.compiler.set_stance("default")


def mix_parameters(layer: RWKV) -> tuple[Tensor, Tensor, Tensor]:
    """Return the five mixes and their low-rank projections, in the packages' order."""
    down = layer.mix_down.unflatten(1, (5, -1))[:, MIX_ORDER].flatten(1)
    return layer.mix_rkvgw[MIX_ORDER], down, layer.mix_up[MIX_ORDER]


@SIZES
def test_rwkv_simple(compare: Compare, monkeypatch: pytest.MonkeyPatch, size: int, heads: int, time: int) -> None:
    layer = RWKV(size - heads, size, heads, RANK)
    perturb(layer, amount=0.3)
    module = simple.TimeMix(size, size // heads, wkv_backend=simple.WKVBackend.PYTORCH_OPTIMIZED)
    unbounded_wkv = simple.wkv6_torch

    def bounded_wkv(r: Tensor, k: Tensor, v: Tensor, w: Tensor, *others: Any) -> Any:
        return unbounded_wkv(r, k, v, BOUND * torch.sigmoid((-w).log()), *others)

    monkeypatch.setattr(simple, "wkv6_torch", bounded_wkv)

    def weights() -> Weights:
        mixes, down, up = mix_parameters(layer)
        parameters = {f"time_maa_{name}": mix[None, None] for name, mix in zip("wkvrg", mixes, strict=True)}
        return parameters | {
            "time_maa_x": layer.mix_x[None, None],
            "time_maa_w1": down,
            "time_maa_w2": up,
            "time_decay": layer.decay[None, None],
            "time_decay_w1": layer.decay_down,
            "time_decay_w2": layer.decay_up,
            "time_faaaa": layer.bonus,
            "receptance.weight": layer.receptance.weight,
            "key.weight": layer.key.weight,
            "value.weight": layer.value.weight,
            "gate.weight": layer.gate.weight,
            "output.linear.weight": layer.output_projection.weight,
            "ln_x.weight": layer.norm.weight,
            "ln_x.bias": layer.norm.bias,
        }

    def states(ours: RWKVState, theirs: tuple[Tensor, Tensor]) -> list[tuple[Tensor, Tensor]]:
        return list(zip(ours, theirs, strict=True))

    def whole(x: Tensor) -> Tensor:
        return module(x, need_state=False)  # type: ignore[no-any-return]

    comparison = compare("RWKV", "rwkv-simple", "given our bounded decay")
    compare_layer(layer, Reference(module, weights, whole, module, states), comparison, time)


class Published(nn.Module):
    """The authors' functions for one row, which include LayerNorm of the input and the residual connection."""

    NAMES = (
        *("ln_w", "ln_b", "lx_w", "lx_b", "x_maa", "w_maa", "k_maa", "v_maa", "r_maa", "g_maa"),
        *("tm_w1", "tm_w2", "td_w1", "td_w2", "t_decay", "t_first", "kw", "vw", "rw", "gw", "ow"),
    )

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.size, self.heads = size, heads
        for name in self.NAMES:
            self.register_parameter(name, nn.Parameter(torch.empty(0)))

    def call(self, function: Any, x: Tensor, previous_input: Tensor, memory: Tensor) -> Any:
        weights = {name: getattr(self, name) for name in self.NAMES}
        scales = dict.fromkeys(f"{part}{kind}" for part in "kvrgo" for kind in ("mx", "rx", "my", "ry"))
        return function(None, x, previous_input, memory, **weights, **scales)

    def initial_state(self) -> tuple[Tensor, Tensor]:
        head_dim = self.size // self.heads
        return torch.zeros(self.size), torch.zeros(self.heads, head_dim, head_dim)

    def whole(self, x: Tensor) -> Tensor:
        return torch.stack([self.call(PublishedRWKV.att_seq_v6_0, row, *self.initial_state())[0] for row in x])

    def step(self, x: Tensor, states: Any) -> tuple[Tensor, Any]:
        states = [self.initial_state()] * BATCH if states is None else states
        call = partial(self.call, PublishedRWKV.att_one_v6_0)
        outputs = [call(row[0], *state) for row, state in zip(x, states, strict=True)]
        return torch.stack([y for y, *_ in outputs])[:, None], [state for _, *state in outputs]


@SIZES
def test_rwkv_authors(compare: Compare, size: int, heads: int, time: int) -> None:
    stack = Stack(
        size,
        size,
        [lambda input_size, size: RWKV(input_size, size, heads, RANK)],
        block=BlockConfig(norm=True, residual=True),
    )
    perturb(stack, amount=0.3)
    stack.norm = nn.Identity()
    layer: Any = stack.layers[0]
    nn.init.zeros_(layer.decay_up)  # so that decays do not depend on the input
    module = Published(size, heads)

    def weights() -> Weights:
        mixes, down, up = mix_parameters(layer)
        parameters = {f"{name}_maa": mix for name, mix in zip("wkvrg", mixes, strict=True)}
        decay = F.logsigmoid(layer.decay) - 0.5  # theirs is exp(-exp(decay)), ours exp(BOUND sigmoid(decay))
        return parameters | {
            "x_maa": layer.mix_x,
            "tm_w1": down,
            "tm_w2": up,
            "td_w1": layer.decay_down,
            "td_w2": layer.decay_up,
            "t_decay": decay.view(heads, -1, 1),
            "t_first": layer.bonus[..., None],
            "kw": layer.key.weight.T,
            "vw": layer.value.weight.T,
            "rw": layer.receptance.weight.T,
            "gw": layer.gate.weight.T,
            "ow": layer.output_projection.weight.T,
            "lx_w": layer.norm.weight,
            "lx_b": layer.norm.bias,
            "ln_w": stack.blocks[0].norm.weight,
            "ln_b": stack.blocks[0].norm.bias,
        }

    def states(ours: Any, theirs: Any) -> list[tuple[Tensor, Tensor]]:
        return [
            (ours[0].previous_input, torch.stack([s[0] for s in theirs])),
            (ours[0].memory, torch.stack([s[1] for s in theirs])),
        ]

    remark = "in a block, x + layer(norm(x)); decays that do not depend on the input, without their gradients"
    reference = Reference(module, weights, module.whole, module.step, states)
    compare_layer(stack, reference, compare("RWKV", "rwkv", remark), time, [layer.decay_up])
