"""Compiled layers say what they said before, and leave no trace in a checkpoint."""

import sys
from subprocess import run
from types import SimpleNamespace
from typing import Any

import pytest

from seq2seq.models import LanguageModel
from seq2seq.recurrence import LSTM, SLSTM, LayerFactory, LayerNormGRU, MinGRU, MogrifierLSTM
from seq2seq.training import Compile

# in a process of its own, since the checks of shapes around our functions cannot be compiled
SAME = """
import sys, torch
from types import SimpleNamespace
from seq2seq import recurrence
from seq2seq.models import LanguageModel
from seq2seq.training import Compile

def model():
    torch.manual_seed(1)
    layer = getattr(recurrence, sys.argv[1])
    return LanguageModel(9, layer=layer, size=8, depth=2, norm=True, residual=True, dropout=0.0)

plain, fast = model(), model()
Compile(backend=sys.argv[2]).setup(SimpleNamespace(), fast, "fit")
assert list(plain.state_dict()) == list(fast.state_dict())
assert all(layer._compiled_call_impl is not None for layer in fast.stack.layers)
for length in (7, 40, 33):
    ids = torch.randint(4, 9, (3, length))
    for one in (plain, fast):
        one.zero_grad()
        one(ids)[0].square().sum().backward()
    torch.testing.assert_close(plain(ids)[0], fast(ids)[0])
    for one, other in zip(plain.parameters(), fast.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5)
print("same")
"""


def check(layer: str, backend: str) -> None:
    done = run([sys.executable, "-c", SAME, layer, backend], capture_output=True, text=True, check=False)
    assert done.stdout == "same\n", done.stderr[-2000:]


def test_a_compiled_layer_computes_the_same() -> None:
    check("MinGRU", "eager")


@pytest.mark.slow
@pytest.mark.parametrize(
    "layer", ["MinGRU", "MinLSTM", "RGLRU", "Mamba", "RWKV", "Retention", "MLSTM", "CausalAttention"]
)
def test_every_parallel_layer_computes_the_same_with_its_gradient_compiled_too(layer: str) -> None:
    check(layer, "aot_eager")


@pytest.mark.parametrize("layer", [LSTM, MogrifierLSTM, SLSTM, LayerNormGRU])
def test_what_loops_over_time_is_left_alone(layer: LayerFactory) -> None:
    model = LanguageModel(9, layer=layer, size=8)
    trainer: Any = SimpleNamespace()
    Compile().setup(trainer, model, "fit")
    assert all(module._compiled_call_impl is None for module in model.modules())


def test_only_training_is_compiled() -> None:
    model = LanguageModel(9, layer=MinGRU, size=8)
    trainer: Any = SimpleNamespace()
    Compile().setup(trainer, model, "validate")
    assert all(module._compiled_call_impl is None for module in model.modules())
