"""Count the parameters of a model, and find the width at which it has a given number of them."""

import bisect
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import torch

from seq2seq.comparison.entries import model_options
from seq2seq.errors import UserError, prefix_errors
from seq2seq.jsonargparse_internals.objects import constructor_arguments

TOLERANCE = 0.02  # relative difference between the parameter counts of compared models
MAX_TRIED_WIDTHS = 256  # consecutive widths tried to find a valid one


class Width(NamedTuple):
    size: int  # 0 for a model without this option
    parameters: int

    def is_close(self, target: int) -> bool:
        """Return whether the number of parameters is at most 2 % off the target."""
        return abs(self.parameters - target) <= TOLERANCE * target


CountParameters = Callable[[int], int]  # size -> parameters, increasing; a UserError where the size is invalid


def parameter_counter(model: type, options: dict[str, Any]) -> CountParameters:
    """Return a function that counts the parameters of a model at a width; raise a UserError for invalid options.

    Args:
        model: Class of the model.
        options: Its options as in a configuration, including those that the data provides.
    """
    arguments = constructor_arguments(model, options)

    def count(size: int) -> int:
        with torch.device("meta"):
            network = model(**(arguments | {"size": size} if "size" in arguments else arguments))
        return sum(weight.numel() for weight in network.parameters())

    return count


def configured_width(model: type, options: dict[str, Any], provided: dict[str, Any], label: str) -> Width:
    """Return the configured width, which is 0 for a model without this option, and its number of parameters."""
    size = int(options.get("size") or 0)
    with prefix_errors(f"{label} cannot be built"):
        return Width(size, parameter_counter(model, {**options, **provided})(size))


def solve_width(model: type, options: dict[str, Any], provided: dict[str, Any], target: int, label: str) -> Width:
    """Return the width with a number of parameters; `feed_forward` is changed where heads make widths too coarse.

    Args:
        model: Class of the model.
        options: Its configured options, whose `feed_forward` may be changed.
        provided: Its options that the data provides.
        target: Desired number of parameters.
        label: Name of the entry, for error messages.
    """
    with prefix_errors(f"{label} cannot be built"):
        count = parameter_counter(model, {**options, **provided})
    width = nearest_width(count, target, label)
    feed_forward = model_options(model).get("feed_forward")
    if not width.is_close(target) and feed_forward is not None and feed_forward.get(options):

        def count_hidden(hidden_width: int) -> int:
            feed_forward.set(options, hidden_width / width.size)
            return parameter_counter(model, {**options, **provided})(width.size)

        hidden = nearest_width(count_hidden, target, label)
        feed_forward.set(options, hidden.size / width.size)
        width = Width(width.size, hidden.parameters)
    if not width.is_close(target):
        raise UserError(
            f"{label} cannot have {target:,} parameters within {100 * TOLERANCE:g} %: the nearest is "
            f"{width.parameters:,} with size {width.size}"
        )
    return width


def nearest_width(count: CountParameters, target: int, label: str) -> Width:
    """Return the width whose parameter count is nearest to the target."""

    def from_size(size: int) -> Width:
        return first_valid_width(count, range(size, size + MAX_TRIED_WIDTHS))

    with prefix_errors(f"{label} cannot be built with any size"):
        upper = from_size(1)
        while upper.parameters < target:
            upper = from_size(2 * upper.size)
        sizes = range(1, upper.size + 1)
        first = sizes[bisect.bisect_left(sizes, target, key=lambda size: from_size(size).parameters)]
    candidates = [from_size(first)]
    if first > 1:
        with suppress(UserError):
            candidates.append(first_valid_width(count, range(first - 1, max(0, first - 1 - MAX_TRIED_WIDTHS), -1)))
    return min(candidates, key=lambda width: abs(width.parameters - target))


def first_valid_width(count: CountParameters, sizes: range) -> Width:
    """Return the first width with which the model can be built; raise the last one's UserError if there is none."""
    for size in sizes[:-1]:
        with suppress(UserError):  # as of a size that is no multiple of the heads
            return Width(size, count(size))
    return Width(sizes[-1], count(sizes[-1]))
