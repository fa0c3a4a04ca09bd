"""What a recurrence remembers: tensors, alone or in nested tuples, with the batch on axis 0 of each."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar, cast

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from seq2seq.errors import UserError

State: TypeAlias = Tensor | tuple[Any, ...]  # each part is a State again
S = TypeVar("S", bound=State)


def map_state(function: Callable[..., Tensor], *states: S) -> S:
    """Apply `function` to the tensors that stand in the same place of every state; NamedTuples keep their type."""
    first = states[0]
    if isinstance(first, Tensor):
        return cast(S, function(*states))
    return assemble(first, [map_state(function, *part) for part in zip(*states, strict=True)])


def assemble(like: S, parts: list[Any]) -> S:
    """Return a tuple of these parts, of the same type."""
    return cast(S, type(like)(*parts) if hasattr(like, "_fields") else tuple(parts))


def detach(state: S) -> S:
    """Cut the gradient here, for truncated backpropagation through time (Williams and Peng, 1990)."""
    return map_state(Tensor.detach, state)


def select(state: S, rows: Int[Tensor, " rows"]) -> S:
    """The state of these rows, in this order; a row may come twice, as when beam search keeps two of its children."""
    return map_state(lambda part: part.index_select(0, rows), state)


def repeat(state: S, times: int) -> S:
    """Every row `times` times, one copy after the other: one sentence becomes `times` hypotheses."""
    return map_state(lambda part: part.repeat_interleave(times, dim=0), state)


def where(rows: Bool[Tensor, " batch"], new: S, old: S) -> S:
    """Return the new state in the rows that are True and the old one in the others.

    Both have the same shapes. Only a state of a class with `grows = True`, as attention's, may have got longer on axis
    1; in the rows that keep the old one, zeros fill the beginning, which the class must take for nothing.
    """
    if isinstance(new, Tensor) != isinstance(old, Tensor):
        raise ValueError("a state of one tensor and one of several cannot take each other's place")
    if isinstance(new, Tensor):
        return cast(S, chosen(rows, new, cast(Tensor, old)))
    if getattr(new, "grows", False):
        old = map_state(lengthened, new, old)
    return assemble(new, [where(rows, *part) for part in zip(new, old, strict=True)])


def chosen(rows: Bool[Tensor, " batch"], new: Tensor, old: Tensor) -> Tensor:
    if new.shape != old.shape:
        raise ValueError(f"a state of the shape {list(old.shape)} cannot become one of {list(new.shape)}")
    if rows.shape != new.shape[:1]:
        raise ValueError(f"{new.shape[0]} rows must be chosen from, and {list(rows.shape)} choices were given")
    return torch.where(rows.view(-1, *[1] * (new.dim() - 1)), new, old)


def lengthened(new: Tensor, old: Tensor) -> Tensor:
    """Return the old tensor with zeros before it on axis 1, so that it is as long as the new one."""
    missing = new.shape[1] - old.shape[1]
    if missing <= 0:
        return old
    return torch.cat([old.new_zeros(len(old), missing, *old.shape[2:]), old], dim=1)


def flatten(state: State) -> list[Tensor]:
    """The state's tensors in order, which is how a checkpoint holds it."""
    return [state] if isinstance(state, Tensor) else [tensor for part in state for tensor in flatten(part)]


def unflatten(tensors: list[Tensor], like: S) -> S:
    """Return the inverse of `flatten`, given any state of the same structure, shapes and kinds of numbers.

    Where a state grows, axis 1 may have another length. Raises a UserError for tensors of another state.
    """
    wanted = len(flatten(like))
    if len(tensors) != wanted:
        raise UserError(f"a state of {wanted} tensors was wanted and {len(tensors)} were given")
    return rebuild(iter(tensors), like, False)


def rebuild(tensors: Iterator[Tensor], like: S, grows: bool) -> S:
    if not isinstance(like, Tensor):
        return assemble(like, [rebuild(tensors, part, getattr(like, "grows", False)) for part in like])
    given = next(tensors)
    fits = given.dim() == like.dim() and all(
        one == other or (grows and axis == 1)
        for axis, (one, other) in enumerate(zip(given.shape, like.shape, strict=True))
    )
    if not fits or given.is_floating_point() != like.is_floating_point():
        raise UserError(
            f"a tensor of a state must have the shape {list(like.shape)} and hold {like.dtype}, and one of "
            f"{list(given.shape)} that holds {given.dtype} was given"
        )
    return cast(S, given)
