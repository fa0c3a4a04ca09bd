"""Recurrent state: a tensor or nested tuples of tensors, each with the batch on axis 0."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar, cast

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from seq2seq.errors import UserError

State: TypeAlias = Tensor | tuple[Any, ...]  # each part is a State again
S = TypeVar("S", bound=State)


def map_state(function: Callable[..., Tensor], *states: S) -> S:
    """Apply `function` to the corresponding tensors of all states; NamedTuples keep their type."""
    first = states[0]
    if isinstance(first, Tensor):
        return cast(S, function(*states))
    return tuple_like(first, [map_state(function, *part) for part in zip(*states, strict=True)])


def tuple_like(like: S, parts: list[Any]) -> S:
    """Return a tuple of these parts, of the type of `like`."""
    return cast(S, type(like)(*parts) if hasattr(like, "_fields") else tuple(parts))


def detach(state: S) -> S:
    """Detach every tensor from the graph, for truncated backpropagation through time (Williams and Peng, 1990)."""
    return map_state(Tensor.detach, state)


def select(state: S, rows: Int[Tensor, " rows"]) -> S:
    """Return the state of these rows, in this order; a row may be repeated, as for two children in beam search."""
    return map_state(lambda part: part.index_select(0, rows), state)


def repeat(state: S, times: int) -> S:
    """Repeat every row `times` times, copies side by side: one sentence becomes `times` hypotheses."""
    return map_state(lambda part: part.repeat_interleave(times, dim=0), state)


def where(rows: Bool[Tensor, " batch"], new: S, old: S) -> S:
    """Return the new state in the rows that are True and the old one in the others.

    Both have the same shapes, except that a state of a class with `grows = True`, such as attention's, may be longer on
    axis 1 in `new`. Rows that keep the old one are then padded with zeros on the left, which the class must ignore.
    """
    if isinstance(new, Tensor) != isinstance(old, Tensor):
        raise ValueError("a single tensor cannot replace a tuple of states, nor a tuple a tensor")
    if isinstance(new, Tensor):
        return cast(S, where_tensor(rows, new, cast(Tensor, old)))
    if getattr(new, "grows", False):
        old = map_state(pad_left, new, old)
    return tuple_like(new, [where(rows, *part) for part in zip(new, old, strict=True)])


def where_tensor(rows: Bool[Tensor, " batch"], new: Tensor, old: Tensor) -> Tensor:
    if new.shape != old.shape:
        raise ValueError(f"a state of shape {list(old.shape)} cannot become one of shape {list(new.shape)}")
    if rows.shape != new.shape[:1]:
        raise ValueError(f"a state of {new.shape[0]} rows needs a mask of as many, not one of shape {list(rows.shape)}")
    return torch.where(rows.view(-1, *[1] * (new.dim() - 1)), new, old)


def pad_left(new: Tensor, old: Tensor) -> Tensor:
    """Return the old tensor padded with zeros on the left of axis 1 to the length of the new one."""
    missing = new.shape[1] - old.shape[1]
    if missing <= 0:
        return old
    return torch.cat([old.new_zeros(len(old), missing, *old.shape[2:]), old], dim=1)


def flatten(state: State) -> list[Tensor]:
    """Return the state's tensors in order, the form in which a checkpoint stores them."""
    return [state] if isinstance(state, Tensor) else [tensor for part in state for tensor in flatten(part)]


def unflatten(tensors: list[Tensor], like: S) -> S:
    """Return the inverse of `flatten`, given any state of the same structure, shapes and kind of data type.

    Where a state grows, axis 1 may have another length. Raises a UserError for tensors of any other state.
    """
    expected = len(flatten(like))
    if len(tensors) != expected:
        raise UserError(f"a state must have {expected} tensors, and {len(tensors)} were given")
    return rebuild(iter(tensors), like, False)


def rebuild(tensors: Iterator[Tensor], like: S, grows: bool) -> S:
    if not isinstance(like, Tensor):
        return tuple_like(like, [rebuild(tensors, part, getattr(like, "grows", False)) for part in like])
    tensor = next(tensors)
    fits = tensor.dim() == like.dim() and all(
        size == expected or (grows and axis == 1)
        for axis, (size, expected) in enumerate(zip(tensor.shape, like.shape, strict=True))
    )
    if not fits or tensor.is_floating_point() != like.is_floating_point():
        raise UserError(
            f"a tensor of a state must have the shape {list(like.shape)} and hold {like.dtype}, and one of "
            f"{list(tensor.shape)} that holds {tensor.dtype} was given"
        )
    return cast(S, tensor)
