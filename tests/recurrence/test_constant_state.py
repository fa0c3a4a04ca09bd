"""Tests that the size of a state does not depend on the number of steps, unless `grows` is set."""

from functools import partial
from typing import Any

import pytest
import torch

from seq2seq.recurrence import CausalAttention, LayerFactory, Recurrence
from seq2seq.recurrence.registry import registered_layers
from seq2seq.state import flatten

ROWS, SIZE, FEW_STEPS, MANY_STEPS = 2, 8, 10, 300


LAYERS: dict[str, LayerFactory] = {**registered_layers(), "window": partial(CausalAttention, window=FEW_STEPS)}

each_layer = pytest.mark.parametrize("name", LAYERS)


def state_after(layer: Recurrence[Any], steps: int) -> Any:
    """Return the state after a number of single steps, without a graph."""
    with torch.inference_mode():
        state = layer.initial_state(ROWS)
        for _ in range(steps):
            _, state = layer.step(torch.randn(ROWS, layer.input_size), state)
    return state


def size_in_bytes(state: Any) -> int:
    return sum(part.numel() * part.element_size() for part in flatten(state))


@each_layer
def test_grows_is_true_if_the_state_gets_larger_without_limit(name: str) -> None:
    layer = LAYERS[name](SIZE, SIZE)
    few, many = state_after(layer, FEW_STEPS), state_after(layer, MANY_STEPS)
    assert layer.grows == (size_in_bytes(many) > size_in_bytes(few))


@each_layer
def test_state_keeps_no_graph_and_no_larger_storage_alive(name: str) -> None:
    """A state has no graph of previous steps, and is no view of a larger tensor."""
    state = state_after(LAYERS[name](SIZE, SIZE), MANY_STEPS)
    for part in flatten(state):
        assert not part.requires_grad
        assert part.grad_fn is None
    if not LAYERS[name](SIZE, SIZE).grows:
        stored = sum(part.untyped_storage().nbytes() for part in flatten(state))
        assert stored <= 4 * size_in_bytes(state)
