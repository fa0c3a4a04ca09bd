"""Count the parameters of a model, and find the width at which it has a given number of them."""

import bisect
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import torch

from seq2seq.errors import UserError, prefix_errors
from seq2seq.jsonargparse_internals.objects import constructor_arguments

TOLERANCE = 0.02  # relative difference between the parameter counts of compared models
MAX_STEP = 256  # from one valid size to the next, as of those that a number of heads divides


class Width(NamedTuple):
    size: int  # 0 for a model without this option
    parameters: int

    def is_close(self, target: int) -> bool:
        """Return whether the number of parameters is at most 2 % off the target."""
        return abs(self.parameters - target) <= TOLERANCE * target


def parameter_counter(model: type, options: dict[str, Any], provided: dict[str, Any]) -> Callable[[int], int]:
    """Return a function that counts the parameters of a model with these options, and with those of the data."""
    arguments = constructor_arguments(model, options | provided)

    def count(size: int) -> int:
        with torch.device("meta"):
            network = model(**(arguments | {"size": size} if "size" in arguments else arguments))
        return sum(weight.numel() for weight in network.parameters())

    return count


def find_width(model: type, options: dict[str, Any], provided: dict[str, Any], target: int | None, label: str) -> Width:
    """Return the configured width; if there is a target, configure one, with `feed_forward` if heads are too coarse."""
    with prefix_errors(f"{label} cannot be built" + ("" if target is None else " with any size")):
        count = parameter_counter(model, options, provided)
        if target is None:
            size = int(options.get("size") or 0)
            return Width(size, count(size))
        width, block = nearest_width(count, target), options.get("block") or {}
        if not width.is_close(target) and block.get("feed_forward"):

            def count_hidden(hidden_width: int) -> int:
                block["feed_forward"] = hidden_width / width.size
                return parameter_counter(model, options, provided)(width.size)

            hidden_width, _ = nearest_width(count_hidden, target)
            width = Width(width.size, count_hidden(hidden_width))
    if not width.is_close(target):
        raise UserError(
            f"{label} cannot have {target:,} parameters within {100 * TOLERANCE:g} %: the nearest is "
            f"{width.parameters:,} with size {width.size}"
        )
    options["size"] = width.size
    return width


def nearest_width(count: Callable[[int], int], target: int) -> Width:
    """Return the width whose parameter count, which must increase with the size, is nearest to the target."""
    smallest, second = itertools.islice(valid_sizes(count), 2)
    sizes = range(smallest, sys.maxsize, second - smallest)
    last = 1
    while count(sizes[last]) < target:
        last *= 2
    index = bisect.bisect_left(sizes, target, hi=last, key=count)
    candidates = [Width(size, count(size)) for size in sizes[max(0, index - 1) : index + 1]]
    return min(candidates, key=lambda width: abs(width.parameters - target))


def valid_sizes(count: Callable[[int], int]) -> Iterator[int]:
    """Yield the smallest sizes with which a model can be built; raise the UserError of a size if there are no more."""
    for size in range(1, 2 * MAX_STEP + 1):
        with suppress(UserError):  # as of a size that is no multiple of the heads
            count(size)
            yield size
    count(MAX_STEP)
