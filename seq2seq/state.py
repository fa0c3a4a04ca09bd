"""What a recurrence remembers: tensors, alone or in nested tuples, with the batch on axis 0 of each."""

from collections.abc import Callable
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
    parts = [map_state(function, *part) for part in zip(*states, strict=True)]
    return cast(S, type(first)(*parts) if hasattr(first, "_fields") else tuple(parts))


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
    """The new state in the rows that are True and the old one in the others.

    A state that grows, as attention's, has grown on axis 1; zeros at its beginning are nothing.
    """

    def choose(a: Tensor, b: Tensor) -> Tensor:
        if a.dim() > 1 and a.shape[1] > b.shape[1]:
            b = torch.cat([b.new_zeros(len(b), a.shape[1] - b.shape[1], *b.shape[2:]), b], dim=1)
        return torch.where(rows.view(-1, *[1] * (a.dim() - 1)), a, b)

    return map_state(choose, new, old)


def flatten(state: State) -> list[Tensor]:
    """The state's tensors in order, which is how a checkpoint holds it."""
    return [state] if isinstance(state, Tensor) else [tensor for part in state for tensor in flatten(part)]


def unflatten(tensors: list[Tensor], like: S) -> S:
    """The inverse of `flatten`, given any state of the same structure."""
    wanted = len(flatten(like))
    if len(tensors) != wanted:
        raise UserError(f"a state of {wanted} tensors was wanted and {len(tensors)} were given")
    rest = iter(tensors)
    return map_state(lambda _: next(rest), like)
