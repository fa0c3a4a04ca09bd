"""How wide a model must be to have a given number of parameters."""

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

CLOSE = 0.02  # share by which the counts of models that are compared may differ
FAR = 256  # widths that are tried one after the other for one that a layer can have


class Width(NamedTuple):
    size: int
    parameters: int


Count = Callable[[int], int]  # size -> parameters; a UserError where there is no such model


def counter(model: type[pl.LightningModule], options: dict[str, Any], what: str) -> Callable[..., int]:
    """A function that counts the parameters of a model at a width, perhaps with other options changed too.

    Args:
        model: Class of the model.
        options: Its arguments as a configuration writes them, sizes of the vocabulary included.
        what: Whose options they are, for the message about one of another type.
    """
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(model, "model", instantiate=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            given = parser.parse_object({"model": options})
        except (ArgumentError, KeyError, TypeError, ValueError) as error:  # of what is in the options
            raise UserError(f"{what} cannot be built: {reason(error)}") from error
        parts = vars(parser.instantiate_classes(given).model)
    return lambda size, **changed: parameters(model, {**parts, **changed, "size": size})


def reason(error: Exception) -> str:
    """The innermost of jsonargparse's reasons, on one line."""
    text = " ".join(str(error).split())
    found = re.search(r"Parser key \"model\.(\S+?)\": .*?(Expected .+?)\. Got value: (\S+)", text)
    return f"{found[1]} cannot be {found[3].rstrip('.')} ({found[2].lower()})" if found else text[:300]


def parameters(model: type[pl.LightningModule], parts: dict[str, Any]) -> int:
    """Of a model that is built without any memory for them."""
    with torch.device("meta"):
        built = model(**parts)
    return sum(weight.numel() for weight in built.parameters())


def solve(count: Count, target: int, what: str) -> Width:
    """The width whose count is nearest to the target; a UserError if that is more than 2 % off.

    Args:
        count: Parameters at a width, more at a larger one.
        target: Parameters that are wanted.
        what: Whose width it is, for the message.
    """
    best = nearest(count, target, what)
    if not close(best, target):
        raise UserError(
            f"{what} cannot have {target:,} parameters within {100 * CLOSE:g} %: the nearest is {best.parameters:,} "
            f"with size {best.size}"
        )
    return best


def close(width: Width, target: int) -> bool:
    return abs(width.parameters - target) <= CLOSE * target


def nearest(count: Count, target: int, what: str) -> Width:
    """The width whose count is nearest to the target, however far."""
    above = up(count, 1)
    while above is not None and above.parameters < target:
        above = up(count, 2 * above.size)
    if above is None:
        raise UserError(f"{what} cannot be built with any size: {why_not(count)}")
    sizes = range(1, above.size + 1)

    def enough(size: int) -> bool:
        found = up(count, size)
        return found is None or found.parameters >= target

    first = sizes[min(bisect.bisect_left(sizes, True, key=enough), len(sizes) - 1)]
    candidates = [found for found in (up(count, first), down(count, first - 1)) if found is not None]
    return min(candidates, key=lambda found: abs(found.parameters - target))


def up(count: Count, size: int) -> Width | None:
    """The next width from here on that the model can have."""
    return first_of(count, range(size, size + FAR))


def down(count: Count, size: int) -> Width | None:
    """The same downwards."""
    return first_of(count, range(size, max(0, size - FAR), -1))


def first_of(count: Count, sizes: range) -> Width | None:
    for size in sizes:
        try:
            return Width(size, count(size))
        except UserError:  # as of a size that is no multiple of the heads
            continue
    return None


def why_not(count: Count) -> str:
    try:
        return f"with size {FAR} it has {count(FAR):,} parameters"
    except UserError as error:
        return " ".join(str(error).split())
