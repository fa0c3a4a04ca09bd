"""Comparison of a layer with a reference: a whole sequence, single steps, final states, and all gradients."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pytest
import torch
from agreement import Comparison, gradients
from torch import Tensor, nn
from torch.func import functional_call

from seq2seq.recurrence import Recurrence

# size, heads, and steps: one, a few, and more than a chunk or a block of our scans
SIZES = pytest.mark.parametrize(("size", "heads", "time"), [(8, 2, 1), (12, 3, 9), (16, 2, 70)])
BATCH = 3
NEGLIGIBLE = 1e-4  # of the largest gradient

Weights = Mapping[str, Tensor]


def perturb(layer: nn.Module, seed: int = 2, amount: float = 0.1) -> None:
    """Add noise to every parameter, so that none is zero, one or constant."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_((amount * noise).to(parameter.dtype))


class Reference(NamedTuple):
    """A public implementation of a layer.

    Args:
        module: The package's module.
        weights: Returns its parameters by name, computed from ours, so that gradients flow to ours.
        whole: Calls the module on [batch, time, input]; returns [batch, time, size].
        step: Calls it on [batch, 1, input] and a state, None at first; returns [batch, 1, size] and the next state.
        states: Returns the pairs of tensors that must be equal in our final state and in theirs.
    """

    module: nn.Module
    weights: Callable[[], Weights]
    whole: Callable[..., Tensor]
    step: Callable[..., tuple[Tensor, Any]] | None = None
    states: Callable[[Any, Any], Sequence[tuple[Tensor, Tensor]]] | None = None


def compare_layer(
    layer: Recurrence[Any],
    reference: Reference,
    comparison: Comparison,
    time: int,
    excluded: Sequence[Tensor] = (),
) -> None:
    """Compare a layer with a reference that has its weights; gradients of all parameters that are not `excluded`."""
    generator = torch.Generator().manual_seed(time)
    dtype = next(layer.parameters()).dtype
    x = torch.randn(BATCH, time, layer.input_size, generator=generator, dtype=dtype, requires_grad=True)
    y, final_state = layer(x)
    leaves = [x, *(parameter for parameter in layer.parameters() if not any(parameter is one for one in excluded))]
    compare_values(comparison, y, call_with_weights(reference, reference.whole, x), leaves)
    if reference.step is None:
        return
    with torch.no_grad():
        state, theirs_state = layer.initial_state(BATCH), None
        for x_t in x.split(1, dim=1):
            y_t, state = layer.step(x_t[:, 0], state)
            expected, theirs_state = call_with_weights(reference, reference.step, x_t, theirs_state)
            comparison.close("steps", y_t[:, None], expected)
        if reference.states is not None:
            for ours_state in (final_state, state):
                for ours, theirs in reference.states(ours_state, theirs_state):
                    comparison.close("states", ours, theirs)


def compare_values(comparison: Comparison, y: Tensor, expected: Tensor, leaves: Sequence[Tensor]) -> None:
    """Compare outputs, and their gradients with respect to the leaves."""
    comparison.close("outputs", y, expected)
    expected_grads = gradients(expected, leaves)
    # gradients that are 0 but for rounding are compared relative to the others
    min_scale = NEGLIGIBLE * max(float(grad.abs().max()) for grad in expected_grads)
    for ours, theirs in zip(gradients(y, leaves), expected_grads, strict=True):
        comparison.close("gradients", ours, theirs, min_scale)


def call_with_weights(reference: Reference, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call the function while the module has the parameters computed from ours."""
    weights = reference.weights()
    parameters = {name for name, _ in reference.module.named_parameters()}
    assert weights.keys() == parameters, f"parameters without a counterpart: {weights.keys() ^ parameters}"
    return functional_call(FunctionModule(reference.module, function), prefixed(weights), arguments)


class FunctionModule(nn.Module):
    """A function that uses a module, as a module whose parameters `functional_call` can replace."""

    def __init__(self, module: nn.Module, function: Callable[..., Any]) -> None:
        super().__init__()
        self.module = module
        self.function = function

    def forward(self, *arguments: Any) -> Any:
        return self.function(*arguments)


def prefixed(weights: Weights) -> dict[str, Tensor]:
    return {f"module.{name}": weight for name, weight in weights.items()}
