"""Find the width at which a model has a given number of parameters."""

import bisect
import re
import warnings
from argparse import ArgumentError
from collections.abc import Callable
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from jsonargparse import ArgumentParser

from seq2seq.errors import UserError

TOLERANCE = 0.02  # relative difference between the parameter counts of compared models
MAX_TRIED_WIDTHS = 256  # consecutive widths tried to find a valid one


class Width(NamedTuple):
    size: int
    parameters: int


CountParameters = Callable[[int], int]  # size -> parameters; a UserError where the size is invalid


def parameter_counter(model: type[pl.LightningModule], options: dict[str, Any], label: str) -> Callable[..., int]:
    """Return a function that counts the parameters of a model at a width, optionally with other options changed.

    Args:
        model: Class of the model.
        options: Its arguments as in a configuration, including vocabulary sizes.
        label: Name of the entry, for the error message.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(model, "model", instantiate=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            config = parser.parse_object({"model": options})
        except (ArgumentError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"{label} cannot be built: {short_reason(error)}") from error
        arguments = vars(parser.instantiate_classes(config).model)
    return lambda size, **changed: count_parameters(model, {**arguments, **changed, "size": size})


def short_reason(error: Exception) -> str:
    """Return the innermost reason of a jsonargparse error, on one line."""
    text = " ".join(str(error).split())
    match = re.search(r"Parser key \"model\.(\S+?)\": .*?(Expected .+?)\. Got value: (\S+)", text)
    return f"{match[1]} cannot be {match[3].rstrip('.')} ({match[2].lower()})" if match else text[:300]


def count_parameters(model: type[pl.LightningModule], arguments: dict[str, Any]) -> int:
    """Count the parameters of a model built on the meta device."""
    with torch.device("meta"):
        network = model(**arguments)
    return sum(weight.numel() for weight in network.parameters())


def find_width(count: CountParameters, target: int, label: str) -> Width:
    """Return the width whose parameter count is nearest to the target. Raises a UserError if it is more than 2 % off.

    Args:
        count: Counts the parameters at a width; increasing.
        target: Desired number of parameters.
        label: Name of the entry, for the error message.
    """
    best = nearest_width(count, target, label)
    if not is_close(best, target):
        raise UserError(
            f"{label} cannot have {target:,} parameters within {100 * TOLERANCE:g} %: the nearest is "
            f"{best.parameters:,} with size {best.size}"
        )
    return best


def is_close(width: Width, target: int) -> bool:
    return abs(width.parameters - target) <= TOLERANCE * target


def nearest_width(count: CountParameters, target: int, label: str) -> Width:
    """Return the width whose parameter count is nearest to the target."""
    upper = next_width(count, 1)
    while upper is not None and upper.parameters < target:
        upper = next_width(count, 2 * upper.size)
    if upper is None:
        raise UserError(f"{label} cannot be built with any size: {build_error(count)}")
    sizes = range(1, upper.size + 1)

    def reaches_target(size: int) -> bool:
        width = next_width(count, size)
        return width is None or width.parameters >= target

    first = sizes[min(bisect.bisect_left(sizes, True, key=reaches_target), len(sizes) - 1)]
    candidates = [width for width in (next_width(count, first), previous_width(count, first - 1)) if width is not None]
    return min(candidates, key=lambda width: abs(width.parameters - target))


def next_width(count: CountParameters, size: int) -> Width | None:
    """Return the first valid width from this size upwards."""
    return first_valid_width(count, range(size, size + MAX_TRIED_WIDTHS))


def previous_width(count: CountParameters, size: int) -> Width | None:
    """Return the first valid width from this size downwards."""
    return first_valid_width(count, range(size, max(0, size - MAX_TRIED_WIDTHS), -1))


def first_valid_width(count: CountParameters, sizes: range) -> Width | None:
    for size in sizes:
        try:
            return Width(size, count(size))
        except UserError:  # as of a size that is no multiple of the heads
            continue
    return None


def build_error(count: CountParameters) -> str:
    try:
        return f"with size {MAX_TRIED_WIDTHS} it has {count(MAX_TRIED_WIDTHS):,} parameters"
    except UserError as error:
        return " ".join(str(error).split())
