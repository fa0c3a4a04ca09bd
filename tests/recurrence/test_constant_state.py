"""A layer's state is as large after many steps as after a few, unless it says that it grows."""

from functools import partial
from typing import Any

import pytest
import torch

from seq2seq import recurrence
from seq2seq.recurrence import CausalAttention, LayerFactory, Recurrence, Stack
from seq2seq.state import flatten

ROWS, SIZE, FEW, MANY = 2, 8, 10, 300


def exported() -> dict[str, LayerFactory]:
    """Every layer that the room gives away, so that a new one is tested too."""
    every = {name: getattr(recurrence, name) for name in recurrence.__all__}
    layers = {name: it for name, it in every.items() if isinstance(it, type) and issubclass(it, Recurrence)}
    return {name: layer for name, layer in layers.items() if layer not in (Recurrence, Stack)}


LAYERS: dict[str, LayerFactory] = {**exported(), "window": partial(CausalAttention, window=FEW)}

each_layer = pytest.mark.parametrize("name", LAYERS)


def after(layer: Recurrence[Any], steps: int) -> Any:
    """The state after so many steps, one by one, without a graph."""
    with torch.inference_mode():
        state = layer.initial_state(ROWS)
        for _ in range(steps):
            _, state = layer.step(torch.randn(ROWS, layer.input_size), state)
    return state


def size(state: Any) -> int:
    return sum(part.numel() * part.element_size() for part in flatten(state))


@each_layer
def test_grows_says_whether_the_state_gets_larger_without_end(name: str) -> None:
    layer = LAYERS[name](SIZE, SIZE)
    few, many = after(layer, FEW), after(layer, MANY)
    assert layer.grows == (size(many) > size(few))


@each_layer
def test_a_state_is_made_of_its_own_numbers_only(name: str) -> None:
    """No graph of the steps before it hangs on it, and it is no view of something larger."""
    state = after(LAYERS[name](SIZE, SIZE), MANY)
    for part in flatten(state):
        assert not part.requires_grad
        assert part.grad_fn is None
    if not LAYERS[name](SIZE, SIZE).grows:
        held = sum(part.untyped_storage().nbytes() for part in flatten(state))
        assert held <= 4 * size(state)
