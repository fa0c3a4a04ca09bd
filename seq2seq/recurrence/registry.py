"""The layers of this package by name, for everything that offers or examines each of them."""

import inspect
from typing import Any

from torch import nn

from seq2seq.recurrence.recurrence import Recurrence

SIZE_ARGUMENTS = ("input_size", "size")  # arguments that the model passes to every layer


def registered_layers(causal: bool = True) -> dict[str, type[Any]]:
    """Return the exported layers that an input size and a size are enough to build, in alphabetical order.

    Args:
        causal: Leave out layers that are not causal, which only an encoder can use.
    """
    from seq2seq import recurrence

    exported = {name: getattr(recurrence, name) for name in sorted(recurrence.__all__)}
    base = Recurrence if causal else nn.Module
    return {name: value for name, value in exported.items() if is_layer(value) and issubclass(value, base)}


def is_layer(value: Any) -> bool:
    """Return whether this is a module class that can be built from an input size and a size alone."""
    if not inspect.isclass(value) or not issubclass(value, nn.Module) or inspect.isabstract(value):
        return False
    parameters = list(inspect.signature(value).parameters.values())
    return tuple(parameter.name for parameter in parameters[:2]) == SIZE_ARGUMENTS and all(
        parameter.default is not parameter.empty for parameter in parameters[2:]
    )
