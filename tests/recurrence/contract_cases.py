"""The layers under the contract, each with a state after a few steps; a new one adds a line to `LAYERS`."""

from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from seq2seq.recurrence import (
    GRU,
    LSTM,
    MLSTM,
    RGLRU,
    RNN,
    RWKV,
    SLSTM,
    BlockConfig,
    CausalAttention,
    LayerFactory,
    LayerNormGRU,
    LayerNormLSTM,
    Mamba,
    MinGRU,
    MinLSTM,
    MogrifierLSTM,
    Recurrence,
    Retention,
    Stack,
)

# two heads, since LayerNorm over the two features of each of four heads gives little more than a sign
LAYERS: dict[str, LayerFactory] = {
    "rnn": RNN,
    "relu": partial(RNN, nonlinearity="relu"),
    "lstm": LSTM,
    "gru": GRU,
    "norm lstm": LayerNormLSTM,
    "norm gru": LayerNormGRU,
    "mogrifier": MogrifierLSTM,
    "low rank": partial(MogrifierLSTM, rounds=4, rank=2),
    "slstm": partial(SLSTM, heads=2),
    "mingru": MinGRU,
    "minlstm": MinLSTM,
    "griffin": RGLRU,
    "mamba": Mamba,
    "rwkv": partial(RWKV, heads=2),
    "retention": Retention,
    "mlstm": partial(MLSTM, heads=2),
    "attention": CausalAttention,
    "window": partial(CausalAttention, window=20),
}
KINDS: dict[str, LayerFactory] = {
    **LAYERS,
    "stack": partial(Stack, layers=[LSTM, LSTM]),
    "mixed": partial(
        Stack,
        layers=[GRU, MinGRU, Mamba, CausalAttention],
        block=BlockConfig(norm=True, residual=True, feed_forward=2.0),
    ),
}
LENGTHS = [1, 2, 31, 32, 33, 257]  # a chunk of the scans is 32 steps
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}
ROWS, INPUT, SIZE, MORE = 3, 5, 8, 4


each_kind = pytest.mark.parametrize("kind", KINDS)
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE, ids=["float32", "float64"])


class Case(NamedTuple):
    """A layer, its state after a few steps, and its next inputs."""

    layer: Recurrence[Any]
    x: Tensor
    state: Any
    more: Tensor  # the input after x, which tests the final state


def case(kind: str, dtype: torch.dtype, length: int) -> Case:
    torch.manual_seed(length)
    layer = KINDS[kind](INPUT, SIZE).to(dtype)
    with torch.no_grad():
        for parameter in layer.parameters():
            if parameter.dim() == 1 or not parameter.any():  # zeros would hide errors
                parameter.add_(0.2 * torch.randn_like(parameter))
        _, state = layer(torch.randn(ROWS, 3, INPUT, dtype=dtype))
    x = torch.randn(ROWS, length, INPUT, dtype=dtype, requires_grad=True)
    return Case(layer, x, state, torch.randn(ROWS, MORE, INPUT, dtype=dtype))


def gradients(y: Tensor, case: Case) -> list[Tensor]:
    """Return gradients of a fixed projection of y with respect to the input and every parameter."""
    probe = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y).cos()
    leaves = [case.x, *case.layer.parameters()]
    return list(torch.autograd.grad((y * probe).sum(), leaves, retain_graph=True, materialize_grads=True))


def assert_same(actual: Tensor, expected: Tensor) -> None:
    scale = max(1.0, float(expected.detach().abs().max()))
    torch.testing.assert_close(actual, expected, rtol=0, atol=scale * TOLERANCE[expected.dtype])


def assert_equal_outcome(actual: Tensor, expected: Tensor, case: Case) -> None:
    """Assert that outputs and all gradients are equal."""
    assert_same(actual, expected)
    for grad, expected_grad in zip(gradients(actual, case), gradients(expected, case), strict=True):
        assert_same(grad, expected_grad)


def with_continuation(case: Case, y: Tensor, state: Any) -> Tensor:
    """Return outputs followed by those for `case.more`, continued from the state."""
    return torch.cat([y, case.layer(case.more, state)[0]], dim=1)
