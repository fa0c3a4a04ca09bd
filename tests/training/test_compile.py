"""Compiled layers compute the same results and do not change the checkpoint."""

import sys
from subprocess import run
from types import SimpleNamespace
from typing import Any

import pytest

from seq2seq.recurrence import LSTM, SLSTM, LayerFactory, LayerNormGRU, MinGRU, MogrifierLSTM
from seq2seq.recurrence.registry import registered_layers
from seq2seq.training import Compile
from seq2seq.training.language_model import LanguageModel

# run in a separate process, since the shape checks of the tests cannot be compiled
SCRIPT = """
import sys, torch
from types import SimpleNamespace
from seq2seq import recurrence
from seq2seq.recurrence import BlockConfig
from seq2seq.training.language_model import LanguageModel
from seq2seq.training import Compile

def model():
    torch.manual_seed(1)
    layer = getattr(recurrence, sys.argv[1])
    return LanguageModel(9, layer=layer, size=8, depth=2, block=BlockConfig(norm=True, residual=True), dropout=0.0)

plain, compiled = model(), model()
Compile(backend=sys.argv[2]).setup(SimpleNamespace(), compiled, "fit")
assert list(plain.state_dict()) == list(compiled.state_dict())
assert all(layer._compiled_call_impl is not None for layer in compiled.stack.layers)
for length in (7, 40, 33):
    ids = torch.randint(4, 9, (3, length))
    for network in (plain, compiled):
        network.zero_grad()
        network(ids)[0].square().sum().backward()
    torch.testing.assert_close(plain(ids)[0], compiled(ids)[0])
    for one, other in zip(plain.parameters(), compiled.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5)
print("same")
"""


def check_same_results(layer: str, backend: str) -> None:
    process = run([sys.executable, "-c", SCRIPT, layer, backend], capture_output=True, text=True, check=False)
    assert process.stdout == "same\n", process.stderr[-2000:]


def test_compiled_layer_computes_the_same_results() -> None:
    check_same_results("MinGRU", "eager")


@pytest.mark.slow
@pytest.mark.parametrize("layer", [name for name, layer in registered_layers().items() if layer.parallel])
def test_compiled_forward_and_backward_of_every_parallel_layer(layer: str) -> None:
    check_same_results(layer, "aot_eager")


@pytest.mark.parametrize("layer", [LSTM, MogrifierLSTM, SLSTM, LayerNormGRU])
def test_layers_with_a_loop_over_time_are_not_compiled(layer: LayerFactory) -> None:
    model = LanguageModel(9, layer=layer, size=8)
    trainer: Any = SimpleNamespace()
    Compile().setup(trainer, model, "fit")
    assert all(module._compiled_call_impl is None for module in model.modules())


def test_validation_is_not_compiled() -> None:
    model = LanguageModel(9, layer=MinGRU, size=8)
    trainer: Any = SimpleNamespace()
    Compile().setup(trainer, model, "validate")
    assert all(module._compiled_call_impl is None for module in model.modules())
