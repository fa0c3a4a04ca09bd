"""RWKV against rwkv-simple, which has gradients, and against the authors' package rwkv, which writes text only.

Our decay is bounded as in RWKV-7, theirs is not. rwkv-simple is given the bounded one where it begins to count with it;
to the authors' function, which makes its decays itself, goes one that does not depend on the text, where both can say
the same.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from agreement import Compare
from comparing import BATCH, SIZES, Reference, Weights, compare_layer, perturbed
from rwkv.model import RWKV as PublishedRWKV  # noqa: N811
from rwkv_simple import rwkv as simple
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.recurrence import RWKV, Stack
from seq2seq.recurrence.rwkv import RWKVState

BOUND = -(torch.e**-0.5)
SHARES = [4, 1, 2, 0, 3]  # their mixtures, w, k, v, r and g, in our order
RANK = 3

pytestmark = pytest.mark.usefixtures("double")


@pytest.fixture(autouse=True)
def _eager() -> Iterator[None]:
    torch.compiler.set_stance("force_eager")
    yield
    torch.compiler.set_stance("default")


def mixtures(layer: RWKV) -> tuple[Tensor, Tensor, Tensor]:
    """The five shares, and what makes their change low-rank, in their order."""
    down = layer.mixture_down.unflatten(1, (5, -1))[:, SHARES].flatten(1)
    return layer.mixture[SHARES], down, layer.mixture_up[SHARES]


@SIZES
def test_rwkv_simple(compare: Compare, monkeypatch: pytest.MonkeyPatch, size: int, heads: int, time: int) -> None:
    layer = RWKV(size - heads, size, heads, RANK)
    perturbed(layer, amount=0.3)
    module = simple.TimeMix(size, size // heads, wkv_backend=simple.WKVBackend.PYTORCH_OPTIMIZED)
    plain = simple.wkv6_torch

    def bounded(r: Tensor, k: Tensor, v: Tensor, w: Tensor, *others: Any) -> Any:
        return plain(r, k, v, BOUND * torch.sigmoid((-w).log()), *others)

    monkeypatch.setattr(simple, "wkv6_torch", bounded)

    def weights() -> Weights:
        shares, down, up = mixtures(layer)
        found = {f"time_maa_{name}": share[None, None] for name, share in zip("wkvrg", shares, strict=True)}
        return found | {
            "time_maa_x": layer.shift[None, None],
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
            "output.weight": layer.out.weight,
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
    """The authors' functions of one row, which normalise what comes in and add it to what goes out."""

    NAMES = (
        *("ln_w", "ln_b", "lx_w", "lx_b", "x_maa", "w_maa", "k_maa", "v_maa", "r_maa", "g_maa"),
        *("tm_w1", "tm_w2", "td_w1", "td_w2", "t_decay", "t_first", "kw", "vw", "rw", "gw", "ow"),
    )

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.size, self.heads = size, heads
        for name in self.NAMES:
            self.register_parameter(name, nn.Parameter(torch.empty(0)))

    def read(self, function: Any, x: Tensor, before: Tensor, memory: Tensor) -> Any:
        weights = {name: getattr(self, name) for name in self.NAMES}
        scales = dict.fromkeys(f"{part}{kind}" for part in "kvrgo" for kind in ("mx", "rx", "my", "ry"))
        return function(None, x, before, memory, **weights, **scales)

    def begin(self) -> tuple[Tensor, Tensor]:
        share = self.size // self.heads
        return torch.zeros(self.size), torch.zeros(self.heads, share, share)

    def whole(self, x: Tensor) -> Tensor:
        return torch.stack([self.read(PublishedRWKV.att_seq_v6_0, row, *self.begin())[0] for row in x])

    def step(self, x: Tensor, states: Any) -> tuple[Tensor, Any]:
        states = [self.begin()] * BATCH if states is None else states
        read = partial(self.read, PublishedRWKV.att_one_v6_0)
        found = [read(row[0], *state) for row, state in zip(x, states, strict=True)]
        return torch.stack([y for y, *_ in found])[:, None], [state for _, *state in found]


@SIZES
def test_rwkv_authors(compare: Compare, size: int, heads: int, time: int) -> None:
    stack = Stack(size, size, [lambda below, size: RWKV(below, size, heads, RANK)], norm=True, residual=True)
    perturbed(stack, amount=0.3)
    stack.norm = nn.Identity()
    layer: Any = stack.layers[0]
    nn.init.zeros_(layer.decay_up)  # so that a decay does not depend on the text
    module = Published(size, heads)

    def weights() -> Weights:
        shares, down, up = mixtures(layer)
        found = {f"{name}_maa": share for name, share in zip("wkvrg", shares, strict=True)}
        decay = F.logsigmoid(layer.decay) - 0.5  # theirs is exp(-exp(decay)), ours exp(BOUND sigmoid(decay))
        return found | {
            "x_maa": layer.shift,
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
            "ow": layer.out.weight.T,
            "lx_w": layer.norm.weight,
            "lx_b": layer.norm.bias,
            "ln_w": stack.around[0].before.weight,
            "ln_b": stack.around[0].before.bias,
        }

    def states(ours: Any, theirs: Any) -> list[tuple[Tensor, Tensor]]:
        return [
            (ours[0].before, torch.stack([s[0] for s in theirs])),
            (ours[0].memory, torch.stack([s[1] for s in theirs])),
        ]

    remark = "in a block, x + layer(norm(x)); decays that do not depend on the text, gradients of these apart"
    reference = Reference(module, weights, module.whole, module.step, states)
    compare_layer(stack, reference, compare("RWKV", "rwkv", remark), time, [layer.decay_up])
