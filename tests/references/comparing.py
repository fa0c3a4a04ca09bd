"""What is compared of every layer: a whole sequence, step by step, the states at the end, and all gradients."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pytest
import torch
from agreement import Comparison, gradients
from torch import Tensor, nn
from torch.func import functional_call

from seq2seq.recurrence import Recurrence

# features in and out, heads, and steps: one, a few, and more than a chunk or a block of ours
SIZES = pytest.mark.parametrize(("size", "heads", "time"), [(8, 2, 1), (12, 3, 9), (16, 2, 70)])
BATCH = 3
NEGLIGIBLE = 1e-4  # of the largest gradient

Weights = Mapping[str, Tensor]


def perturbed(layer: nn.Module, seed: int = 2, amount: float = 0.1) -> None:
    """Move every parameter, so that none is zero, one or the same everywhere."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_((amount * noise).to(parameter.dtype))


class Reference(NamedTuple):
    """A public implementation of a layer.

    Args:
        module: The package's module.
        weights: Its parameters, by their names, each a function of ours, so that gradients reach ours.
        whole: Calls the module on [batch, time, input]; returns [batch, time, size].
        step: Calls it on [batch, 1, input] and a state, None at first; returns [batch, 1, size] and the next state.
        states: Returns the pairs of tensors that must be equal in our last state and in theirs.
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
    apart: Sequence[Tensor] = (),
) -> None:
    """Compare a layer of ours with a reference that has its weights; gradients of all parameters but those `apart`."""
    generator = torch.Generator().manual_seed(time)
    dtype = next(layer.parameters()).dtype
    x = torch.randn(BATCH, time, layer.input_size, generator=generator, dtype=dtype, requires_grad=True)
    y, last = layer(x)
    leaves = [x, *(parameter for parameter in layer.parameters() if not any(parameter is one for one in apart))]
    compare_values(comparison, y, call_with_weights(reference, reference.whole, x), leaves)
    if reference.step is None:
        return
    with torch.no_grad():
        state, theirs_state = layer.initial_state(BATCH), None
        for now in x.split(1, dim=1):
            y_now, state = layer.step(now[:, 0], state)
            wanted_now, theirs_state = call_with_weights(reference, reference.step, now, theirs_state)
            comparison.close("steps", y_now[:, None], wanted_now)
        if reference.states is not None:
            for reached in (last, state):
                for ours, theirs in reference.states(reached, theirs_state):
                    comparison.close("states", ours, theirs)


def compare_values(comparison: Comparison, y: Tensor, wanted: Tensor, leaves: Sequence[Tensor]) -> None:
    """Compare outputs, and their gradients with respect to the leaves."""
    comparison.close("outputs", y, wanted)
    slopes = gradients(wanted, leaves)
    floor = NEGLIGIBLE * max(float(slope.abs().max()) for slope in slopes)  # or rounding would be held to rounding
    for ours, theirs in zip(gradients(y, leaves), slopes, strict=True):
        comparison.close("gradients", ours, theirs, floor)


def call_with_weights(reference: Reference, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call the function while the module has the parameters made of ours."""
    weights = reference.weights()
    parameters = {name for name, _ in reference.module.named_parameters()}
    assert weights.keys() == parameters, f"copied to one side only: {weights.keys() ^ parameters}"
    return functional_call(Holder(reference.module, function), prefixed(weights), arguments)


class Holder(nn.Module):
    """A call of a function that uses a module, as a module of which `functional_call` can replace the parameters."""

    def __init__(self, module: nn.Module, function: Callable[..., Any]) -> None:
        super().__init__()
        self.module = module
        self.function = function

    def forward(self, *arguments: Any) -> Any:
        return self.function(*arguments)


def prefixed(weights: Weights) -> dict[str, Tensor]:
    return {f"module.{name}": weight for name, weight in weights.items()}
