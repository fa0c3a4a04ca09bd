"""Properties of recurrent states."""

from typing import Any, NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from seq2seq.errors import UserError
from seq2seq.state import State, detach, flatten, map_state, repeat, select, unflatten, where


class Pair(NamedTuple):
    one: Any
    two: Any


def tensors(rows: int) -> st.SearchStrategy[Tensor]:
    return st.integers(0, 2).flatmap(
        lambda dims: st.just(torch.arange(rows * 2**dims, dtype=torch.float).view(rows, *[2] * dims))
    )


def states(rows: int = 3) -> st.SearchStrategy[State]:
    return st.recursive(
        tensors(rows),
        lambda part: st.lists(part, max_size=3).map(tuple) | st.builds(Pair, part, part),
        max_leaves=6,
    )


def structure(state: State) -> Any:
    if isinstance(state, Tensor):
        return tuple(state.shape[1:])
    return type(state), [structure(part) for part in state]


def equal(one: State, other: State) -> bool:
    same = all(torch.equal(a, b) for a, b in zip(flatten(one), flatten(other), strict=True))
    return same and structure(one) == structure(other)


@given(states())
def test_map_state_keeps_structure_and_named_tuples(state: State) -> None:
    doubled = map_state(lambda part: 2 * part, state)
    assert structure(doubled) == structure(state)
    assert equal(map_state(lambda a, b: b - a, state, doubled), state)


@given(states())
def test_unflatten_is_the_inverse_of_flatten(state: State) -> None:
    assert equal(unflatten(flatten(state), like=map_state(torch.zeros_like, state)), state)


def test_unflatten_with_too_few_tensors_raises() -> None:
    with pytest.raises(ValueError, match="must have 3 tensors, and 1 were given"):
        unflatten([torch.zeros(1)], like=(torch.zeros(1), (torch.zeros(1), torch.zeros(1))))


@given(states(), st.integers(1, 4))
def test_repeat_equals_select_with_repeated_rows(state: State, times: int) -> None:
    rows = torch.tensor([row for row in range(3) for _ in range(times)])
    assert equal(repeat(state, times), select(state, rows))


@given(states(), st.permutations(range(3)))
def test_select_with_the_inverse_permutation_restores_the_state(state: State, order: list[int]) -> None:
    rows = torch.tensor(order)
    assert equal(select(select(state, rows), rows.argsort()), state)


@given(states(), st.lists(st.booleans(), min_size=3, max_size=3))
def test_where_chooses_whole_rows(state: State, flags: list[bool]) -> None:
    other = map_state(lambda part: -1 - part, state)
    mixed = where(torch.tensor(flags), state, other)
    for row, flag in enumerate(flags):
        index = torch.tensor([row])
        assert equal(select(mixed, index), select(state if flag else other, index))


class Growing(NamedTuple):
    values: Tensor

    @property
    def grows(self) -> bool:
        return True


def ones(*shape: int) -> Tensor:
    return torch.ones(shape)


@pytest.mark.parametrize(
    ("rows", "new", "old"),
    [
        (3, ones(3, 2), ones(3, 3)),
        (3, ones(3, 2), ones(3, 1)),  # which torch would broadcast
        (3, ones(3, 2), ones(1, 2)),
        (3, ones(3, 2), ones(3)),
        (1, ones(3, 2), ones(3, 2)),
        (2, ones(3, 2), ones(3, 2)),
        (3, (ones(3, 2),), (ones(3, 2), ones(3, 2))),
        (3, (ones(3, 2), ones(3, 2)), (ones(3, 2),)),
        (2, (ones(2), ones(2)), ones(2, 2)),
        (2, ones(2, 2), (ones(2), ones(2))),
        (3, (ones(3, 5, 2),), (ones(3, 4, 2),)),  # not of a class that grows
        (3, Growing(ones(3, 4, 2)), Growing(ones(3, 5, 2))),  # shorter
        (3, Growing(ones(3, 5, 2)), Growing(ones(3, 4, 3))),
        (3, Pair(ones(3, 2), (ones(3),)), Pair(ones(3, 2), (ones(3, 1),))),
    ],
)
def test_where_refuses_mismatched_states(rows: int, new: Any, old: Any) -> None:
    with pytest.raises(ValueError, match=r"cannot|argument 2 is (longer|shorter)|needs a mask of as many"):
        where(torch.ones(rows, dtype=torch.bool), new, old)


def test_where_pads_a_growing_state_with_zeros_on_the_left() -> None:
    mixed = where(torch.tensor([True, False]), Growing(2 * ones(2, 3)), Growing(ones(2, 1)))
    assert mixed.values.tolist() == [[2, 2, 2], [0, 0, 1]]


@pytest.mark.parametrize(
    ("tensors", "like"),
    [
        ([ones(3, 2)], ones(3, 3)),
        ([ones(3, 2)], ones(3)),
        ([ones(1, 2)], ones(3, 2)),
        ([ones(3, 2).long()], ones(3, 2)),
        ([ones(3, 2)], ones(3, 2).long()),
        ([ones(3, 2), ones(3, 1)], Pair(ones(3, 2), ones(3, 2))),
        ([ones(3, 5, 2)], (ones(3, 4, 2),)),
        ([ones(2, 5, 2)], Growing(ones(3, 4, 2))),
        ([ones(3, 5, 1)], Growing(ones(3, 4, 2))),
    ],
)
def test_unflatten_refuses_tensors_of_another_shape_or_type(tensors: list[Tensor], like: Any) -> None:
    with pytest.raises(UserError, match=r"a tensor of a state must have the shape .* was given"):
        unflatten(tensors, like)


def test_unflatten_accepts_any_length_of_a_growing_state() -> None:
    assert unflatten([ones(3, 7, 2)], Growing(ones(3, 0, 2))).values.shape == (3, 7, 2)


def test_detach_detaches_every_tensor() -> None:
    leaf = torch.ones(2, requires_grad=True)
    state = Pair(2 * leaf, (3 * leaf,))
    assert not any(part.requires_grad for part in flatten(detach(state)))
    assert equal(detach(state), state)
