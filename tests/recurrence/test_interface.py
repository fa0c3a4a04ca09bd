"""Tests of the interface: `forward` and `step` are each derived from the other."""

import inspect
from typing import get_type_hints

import pytest
import torch
from torch import Tensor, nn

from seq2seq import recurrence
from seq2seq.ranges import ranges
from seq2seq.recurrence import Cell, EncoderLayer, Recurrence


class Average(Recurrence[Tensor]):
    """A layer that defines only step."""

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, self.size)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = 0.5 * state + x
        return state, state


class Sum(Recurrence[Tensor]):
    """A layer that defines only forward."""

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, self.size)

    def forward(self, x: Tensor, state: Tensor | None = None, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        y = x.cumsum(dim=1) if state is None else x.cumsum(dim=1) + state[:, None]
        return y, y[:, -1]


def test_forward_is_derived_from_step() -> None:
    y, state = Average(1, 1)(torch.tensor([[[1.0], [2.0], [4.0]]]))
    assert y.flatten().tolist() == [1.0, 2.5, 5.25]
    assert state.flatten().tolist() == [5.25]


def test_step_is_derived_from_forward() -> None:
    y, state = Sum(1, 1).step(torch.tensor([[3.0]]), torch.tensor([[4.0]]))
    assert (y.tolist(), state.tolist()) == ([[7.0]], [[7.0]])


def test_final_state_of_a_row_is_the_one_at_its_end() -> None:
    x = torch.ones(3, 3, 1)
    _, state = Average(1, 1)(x, torch.full((3, 1), 8.0), torch.tensor([0, 1, 3]))
    assert state.flatten().tolist() == [8.0, 5.0, 2.75]


def test_empty_sequence_keeps_the_state() -> None:
    y, state = Average(2, 2)(torch.zeros(3, 0, 2), torch.ones(3, 2))
    assert y.shape == (3, 0, 2)
    assert torch.equal(state, torch.ones(3, 2))


def test_layer_with_neither_forward_nor_step_is_refused() -> None:
    with pytest.raises(TypeError, match="Nothing must define forward or step"):

        class Nothing(Recurrence[Tensor]):
            def initial_state(self, batch: int) -> Tensor:
                return torch.zeros(batch, self.size)


def test_layer_has_no_gates_unless_it_names_them() -> None:
    assert Average(1, 1).named_gates(torch.zeros(2, 1), torch.zeros(2, 1)) == {}


def test_layer_without_initial_state_is_refused() -> None:
    class Stateless(Recurrence[Tensor]):
        def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            return x, state

    with pytest.raises(TypeError, match="initial_state"):
        Stateless(1, 1)  # type: ignore[abstract]


def test_parameters_of_a_recurrence_are_registered() -> None:
    class Weighted(Average):
        def __init__(self, input_size: int, size: int) -> None:
            super().__init__(input_size, size)
            self.weight = nn.Parameter(torch.ones(size))

    assert len(list(Weighted(2, 2).parameters())) == 1


LAYERS = [kind for kind in vars(recurrence).values() if isinstance(kind, type) and issubclass(kind, nn.Module)]


@pytest.mark.parametrize("layer", [kind for kind in LAYERS if kind not in (Cell, EncoderLayer, Recurrence)])
def test_every_numeric_option_has_a_range(layer: type[nn.Module]) -> None:
    hints = get_type_hints(inspect.unwrap(vars(layer)["__init__"]))
    numbers = {name for name, hint in hints.items() if hint in (int, float, int | None, float | None)}
    assert numbers - {"input_size", "size"} <= set(ranges(layer))
