"""Validation of a checkpoint before a model is built from it, so that a forged one cannot exhaust the memory."""

import math
from typing import Any

from torch import Tensor, nn

from seq2seq.errors import UserError
from seq2seq.ranges import LARGEST, shorten

PRECISIONS = ("float32", "bf16", "int8")
MAX_NESTING = 20  # of options within options
# options that are numbers of features, so that at least as many weights must be stored
SIZE_OPTIONS = ("size", "embedding_size")


def check_model(content: dict[str, Any]) -> None:
    """Raise a UserError unless a stored model is valid."""
    model = content["model"]
    if not (isinstance(model, dict) and isinstance(model.get("class_path"), str)):
        raise UserError("its model has no class")
    options = model.get("init_args")
    if not isinstance(options, dict):
        raise UserError("its model has no options")
    check_options(options, "its options", MAX_NESTING)
    weights = content.get("state_dict")
    if not isinstance(weights, dict) or not weights:
        raise UserError("it has no weights")
    for name, weight in weights.items():
        if not isinstance(name, str) or not isinstance(weight, Tensor):
            raise UserError(f"its weights must be tensors with names, and {shorten(name, 80)} is not one")
    check_sizes(options, len(weights), nbytes(weights))
    if content.get("precision", "float32") not in PRECISIONS:
        raise UserError(f"its precision must be one of {', '.join(PRECISIONS)}")


def check_options(value: Any, name: str, nesting: int) -> None:
    """Raise a UserError unless options are plain data (numbers, strings, lists and dicts) of limited depth."""
    if nesting == 0:
        raise UserError(f"{name} are nested too deeply")
    match value:
        case None | bool() | str():
            return
        case int() if abs(value) <= LARGEST:
            return
        case float() if math.isfinite(value):
            return
        case list():
            for part in value:
                check_options(part, name, nesting - 1)
        case dict() if all(isinstance(key, str) for key in value):
            for key, part in value.items():
                check_options(part, f"{name[:200]}, {key[:80]}", nesting - 1)
        case int() | float():
            raise UserError(f"{name} cannot be {shorten(value)}")
        case _:
            raise UserError(f"{name} must be plain data, and there is a {type(value).__name__}")


def nbytes(weights: dict[str, Tensor]) -> int:
    """Return the size of weights in bytes, with shared storage counted once."""
    storages = (weight.untyped_storage() for weight in weights.values())
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def check_sizes(options: dict[str, Any], num_weights: int, num_bytes: int) -> None:
    """Raise a UserError for size options that are impossible with so few weights."""
    for name in SIZE_OPTIONS:
        size = options.get(name)
        if size is None and name == "embedding_size":
            continue
        if name in options and not (type(size) is int and 1 <= size <= num_bytes):
            raise UserError(f"its {name} cannot be {shorten(size)}, since {num_bytes:,} bytes of weights are stored")
    depth = options.get("depth", 1)
    if not (type(depth) is int and 1 <= depth <= num_weights):
        raise UserError(f"its depth cannot be {shorten(depth)}, since {num_weights:,} weights are stored")


def check_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Raise a UserError unless the stored weights are those of this model, each with its shape and type."""
    expected = model.state_dict()
    if missing := [name for name in expected if name not in weights]:
        raise UserError(f"{len(missing)} of its weights are not stored, as {missing[0]}")
    if extra := [name for name in weights if name not in expected]:
        raise UserError(f"{len(extra)} of the stored weights are not the model's, as {shorten(extra[0], 80)}")
    for name, weight in weights.items():
        if weight.shape != expected[name].shape:
            raise UserError(
                f"{name} is stored as {list(weight.shape)}, and its options make it {list(expected[name].shape)}"
            )
        if weight.dtype != expected[name].dtype and not (
            weight.is_floating_point() and expected[name].is_floating_point()
        ):
            raise UserError(f"{name} is stored as {weight.dtype}, and must be {expected[name].dtype}")


def check_finite(weights: dict[str, Tensor]) -> None:
    """Raise a UserError if a weight is NaN or infinite, as after a training that diverged."""
    for name, weight in weights.items():
        if weight.is_floating_point() and not weight.isfinite().all():
            raise UserError(f"its weights have diverged: {name} contains NaN or infinity")
