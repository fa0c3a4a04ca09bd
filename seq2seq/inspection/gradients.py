"""Gradient norms through time: the norm of d loss(t) / d state(t - k) for every k (Bengio et al., 1994)."""

import copy
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from seq2seq.errors import UserError
from seq2seq.nn.output import OutputInput, OutputLayer
from seq2seq.recurrence import Stack
from seq2seq.state import detach, flatten, map_state

NetworkT = TypeVar("NetworkT")

MAX_BATCH_WINDOWS = 16  # the most windows in a batch
MAX_STATE_BYTES = 2**30  # the most bytes of the states of a batch, all of which are kept with their gradients


class RecurrentNetwork(Protocol):
    """A network that reads token ids through an embedding and a stack, and predicts a token at every step."""

    embedding: nn.Embedding
    stack: Stack
    output: OutputLayer

    def output_input(self, y: Float[Tensor, "batch time size"]) -> OutputInput:
        """Return the input of the output layer, given the output of the stack."""


@torch.enable_grad()
def gradient_norms(
    network: RecurrentNetwork,
    inputs: Int[Tensor, "windows tokens"],
    targets: Int[Tensor, " windows"],
    steps: int,
) -> Float[Tensor, "layers steps"]:
    """Return the norm of d loss(t) / d state(t - k) at k = 1, 2, ..., `steps` for every layer, averaged over windows.

    The loss is that of a window's last step, and the state at k is the input state of the k-th last step, of all
    layers at once. The norm of a layer is that of its whole state, for example of hidden state and cell state together,
    so that layers with different states can be compared. Tokens before the last `steps` are read without gradient,
    so that no state is the initial one. There is no dropout, and the model runs in float64 where the device supports
    it, so that very small and very large norms are exact.
    """
    if not 1 <= steps <= inputs.shape[1]:
        raise UserError(f"{steps} steps need windows of at least {steps} tokens, and these have {inputs.shape[1]}")
    dtype = torch.float32 if inputs.device.type == "mps" else torch.float64
    network = frozen_copy(network, dtype)
    stack = network.stack
    total = torch.zeros(len(stack.layers), steps, dtype=dtype, device=inputs.device)
    batch_windows = max(1, min(MAX_BATCH_WINDOWS, MAX_STATE_BYTES // (2 * steps * state_bytes(stack, dtype, steps))))
    for windows, target in zip(inputs.split(batch_windows), targets.split(batch_windows), strict=True):

        def loss(y: Tensor, target: Tensor = target) -> Tensor:
            logits = network.output.logits(network.output_input(y[:, None]))
            return cross_entropy(logits[:, 0], target, reduction="sum")

        total += state_gradient_norms(stack, network.embedding(windows), loss, steps).sum(dim=1)
    return total / len(inputs)


def state_bytes(stack: Stack, dtype: torch.dtype, steps: int) -> int:
    """Return the bytes of one row's state in this dtype, after `steps` steps if it grows."""
    x = next(stack.parameters()).new_zeros(1, steps if stack.grows else 1, stack.input_size)
    with torch.no_grad():
        _, state = stack(x)
    return sum(part.numel() for part in flatten(state)) * dtype.itemsize


def frozen_copy(network: NetworkT, dtype: torch.dtype) -> NetworkT:
    """Return a copy of a network in this dtype, in evaluation mode and without gradients for its parameters."""
    return copy.deepcopy(network).to(dtype).eval().requires_grad_(False)  # type: ignore[attr-defined,no-any-return]


def state_gradient_norms(
    stack: Stack, x: Float[Tensor, "batch time input"], loss: Callable[[Tensor], Tensor], steps: int
) -> Float[Tensor, "layers batch steps"]:
    """Return the norms of each row, for a loss of the last output that is summed over the rows."""
    state = stack.initial_state(len(x))
    prefix = x.shape[1] - steps
    with torch.no_grad():
        for x_t in x[:, :prefix].unbind(dim=1):
            _, state = stack.step(x_t, state)
    state = as_new_tensors(detach(state))
    states: list[tuple[Any, ...]] = []
    y = x.new_zeros(len(x), stack.size)
    for x_t in x[:, prefix:].unbind(dim=1):
        states.append(state)
        y, state = stack.step(x_t, state)
        state = as_new_tensors(state)
    tensors = [
        [list(filter(differentiable, flatten(layer))) for layer in step_state] for step_state in reversed(states)
    ]
    flat_tensors = [tensor for step_state in tensors for layer in step_state for tensor in layer]
    gradients = iter(torch.autograd.grad(loss(y), flat_tensors, allow_unused=True, materialize_grads=True))
    norms = [[row_norms([next(gradients) for _ in layer], x) for layer in step_state] for step_state in tensors]
    return torch.stack([torch.stack(step_state) for step_state in norms], dim=-1)


def as_new_tensors(state: Any) -> Any:
    """Return the state as new tensors, so that an output that is the same tensor as the state is not differentiated."""
    return map_state(as_new_tensor, state)


def as_new_tensor(tensor: Tensor) -> Tensor:
    if not differentiable(tensor):
        return tensor
    return tensor.view_as(tensor) if tensor.requires_grad else tensor.detach().requires_grad_()


def differentiable(part: Tensor) -> bool:
    return part.is_floating_point() or part.is_complex()


def row_norms(gradients: list[Tensor], x: Tensor) -> Float[Tensor, " batch"]:
    """Return the norm of each row over all tensors of a layer."""
    norms = [torch.linalg.vector_norm(gradient.flatten(1), dim=1) for gradient in gradients]
    return torch.linalg.vector_norm(torch.stack(norms), dim=0) if norms else x.new_zeros(len(x))
