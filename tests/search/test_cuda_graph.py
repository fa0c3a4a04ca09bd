"""A captured step equals the step itself."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from seq2seq.models.language_model import LanguageModelNetwork
from seq2seq.recurrence import LSTM, CausalAttention, LayerFactory, Mamba
from seq2seq.search.cuda_graph import graphed_step, has_static_shapes
from seq2seq.state import flatten


def capture(function: Callable[[], Tensor]) -> tuple[Callable[[], Any], Tensor]:
    """Imitate a CUDA graph on the CPU: run once, and afterwards always write into the same result."""
    result = function().clone()
    return lambda: result.copy_(function()), result


def test_captured_step_equals_the_step() -> None:
    torch.manual_seed(1)
    model = LanguageModelNetwork(30, size=16, depth=2).eval().requires_grad_(False)
    ids = torch.randint(4, 30, (8, 3))
    state = model.initial_state(3)
    captured_step = graphed_step(model.step, ids[0], state, capture)
    captured_state = state
    for tokens in ids:
        expected, state = model.step(tokens, state)
        logits, captured_state = captured_step(tokens, captured_state)
        torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(flatten(captured_state), flatten(state))
    assert not any(part.any() for part in flatten(model.initial_state(3)))


@pytest.mark.parametrize(
    ("layer", "static"), [(LSTM, True), (Mamba, True), (partial(CausalAttention, window=3), False)]
)
def test_growing_state_has_no_static_shapes(layer: LayerFactory, static: bool) -> None:
    model = LanguageModelNetwork(30, layer, 16, 1).eval().requires_grad_(False)
    assert has_static_shapes(model.step, torch.tensor([5, 6]), model.initial_state(2)) == static
