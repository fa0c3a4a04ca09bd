"""How far back the gradient reaches: the norm of d loss(t) / d state(t - k) for every k (Bengio et al., 1994)."""

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from seq2seq.errors import UserError
from seq2seq.models.recurrent_language_model import RecurrentLanguageModel
from seq2seq.recurrence import Stack
from seq2seq.state import detach, flatten, map_state

M = TypeVar("M", bound=nn.Module)

ROWS = 16  # windows that are read together at most
MEMORY = 2**30  # bytes that their states may take, since every step of them stays, with its gradient


@torch.enable_grad()
def reach(
    model: RecurrentLanguageModel, ids: Int[Tensor, "windows tokens"], steps: int
) -> Float[Tensor, "layers steps"]:
    """The norm of d loss(t) / d state(t - k) at k = 1, 2, ..., `steps`, for every layer: the mean over the windows.

    The loss is that of a window's last token, and the state at k the one that the k-th last input is read with: what
    the steps before it hand over, of all layers at once. A layer's norm is that of its whole state, a hidden state and
    its cell together, so it compares layers whatever they remember. Tokens before the last `steps` + 1 are read
    without a gradient, so that no state is still the initial one. Nothing is dropped, and numbers are of double
    precision where the device has it: norms far below and above what single precision can hold are exact.
    """
    if not 1 <= steps < ids.shape[1]:
        raise UserError(f"{steps} steps need windows of at least {steps + 1} tokens, and theirs are {ids.shape[1]}")
    kind = torch.float32 if ids.device.type == "mps" else torch.float64
    embedding, stack = exact(model.embedding, kind), exact(model.stack, kind)
    readout, output = exact(model.readout, kind), exact(model.output, kind)
    total = torch.zeros(len(stack.layers), steps, dtype=kind, device=ids.device)
    together = max(1, min(ROWS, MEMORY // (2 * steps * state_bytes(stack, kind, steps))))
    for rows in ids.split(together):
        targets = rows[:, -1]

        def loss(y: Tensor, targets: Tensor = targets) -> Tensor:
            return cross_entropy(output(readout(y)), targets, reduction="sum")

        total += state_gradients(stack, embedding(rows[:, :-1]), loss, steps).sum(dim=1)
    return total / len(ids)


def state_bytes(stack: Stack, kind: torch.dtype, steps: int) -> int:
    """Of one row, in this precision, after so many steps if it grows."""
    x = next(stack.parameters()).new_zeros(1, steps if stack.grows else 1, stack.input_size)
    with torch.no_grad():
        _, state = stack(x)
    return sum(part.numel() for part in flatten(state)) * kind.itemsize


def exact(part: M, kind: torch.dtype) -> M:
    """A part of a model of its own, in this precision, that drops nothing and does not learn."""
    return copy.deepcopy(part).to(kind).eval().requires_grad_(False)


def state_gradients(
    stack: Stack, x: Float[Tensor, "batch time input"], loss: Callable[[Tensor], Tensor], steps: int
) -> Float[Tensor, "layers batch steps"]:
    """The norms of each row, for a loss of the last output that is the sum over the rows."""
    state = stack.initial_state(len(x))
    before = x.shape[1] - steps
    with torch.no_grad():
        for now in x[:, :before].unbind(dim=1):
            _, state = stack.step(now, state)
    state = handed_over(detach(state))
    states: list[tuple[Any, ...]] = []
    y = x.new_zeros(len(x), stack.size)
    for now in x[:, before:].unbind(dim=1):
        states.append(state)
        y, state = stack.step(now, state)
        state = handed_over(state)
    parts = [[list(filter(differentiable, flatten(layer))) for layer in one] for one in reversed(states)]
    every = [part for one in parts for layer in one for part in layer]
    gradients = iter(torch.autograd.grad(loss(y), every, allow_unused=True, materialize_grads=True))
    norms = [[norm([next(gradients) for _ in layer], x) for layer in one] for one in parts]
    return torch.stack([torch.stack(one) for one in norms], dim=-1)


def handed_over(state: Any) -> Any:
    """The same state as tensors of its own: an output that happens to be the state's own tensor is no way to it."""
    return map_state(alias, state)


def alias(part: Tensor) -> Tensor:
    if not differentiable(part):
        return part
    return part.view_as(part) if part.requires_grad else part.detach().requires_grad_()


def differentiable(part: Tensor) -> bool:
    return part.is_floating_point() or part.is_complex()


def norm(gradients: list[Tensor], x: Tensor) -> Float[Tensor, " batch"]:
    """Of each row, over all of a layer's tensors."""
    norms = [torch.linalg.vector_norm(one.flatten(1), dim=1) for one in gradients]
    return torch.linalg.vector_norm(torch.stack(norms), dim=0) if norms else x.new_zeros(len(x))
