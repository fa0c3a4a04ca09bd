"""What must hold of a model in a checkpoint before anything is built of it, so that a forged one takes no memory."""

import math
from typing import Any

from torch import Tensor, nn

from seq2seq.errors import UserError
from seq2seq.ranges import LARGEST

PRECISIONS = ("float32", "bf16", "int8")
NESTING = 20  # of options within options
# options of a network that are numbers of features, each of which has a weight at least
SIZES = ("size", "embedding_size")


def check_model(held: dict[str, Any]) -> None:
    """Raise a UserError that says what of a stored model cannot be."""
    model = held["model"]
    if not (isinstance(model, dict) and isinstance(model.get("class_path"), str)):
        raise UserError("its model has no class")
    options = model.get("init_args")
    if not isinstance(options, dict):
        raise UserError("its model has no options")
    check_options(options, "its options", NESTING)
    weights = held.get("state_dict")
    if not isinstance(weights, dict) or not weights:
        raise UserError("it has no weights")
    for name, weight in weights.items():
        if not isinstance(name, str) or not isinstance(weight, Tensor):
            raise UserError(f"its weights must be tensors with names, and {str(name)[:80]} is none")
    check_sizes(options, len(weights), nbytes(weights))
    if held.get("precision", "float32") not in PRECISIONS:
        raise UserError(f"its precision must be one of {', '.join(PRECISIONS)}")


def check_options(value: Any, where: str, nesting: int) -> None:
    """Raise a UserError unless options are plain: numbers, strings, lists and dicts, not nested without end."""
    if nesting == 0:
        raise UserError(f"{where} are nested too deeply")
    match value:
        case None | bool() | str():
            return
        case int() if abs(value) <= LARGEST:
            return
        case float() if math.isfinite(value):
            return
        case list():
            for part in value:
                check_options(part, where, nesting - 1)
        case dict() if all(isinstance(key, str) for key in value):
            for key, part in value.items():
                check_options(part, f"{where[:200]}, {key[:80]}", nesting - 1)
        case int() | float():
            raise UserError(f"{where} cannot be {str(value)[:40]}")
        case _:
            raise UserError(f"{where} must be plain data, and there is a {type(value).__name__}")


def nbytes(weights: dict[str, Tensor]) -> int:
    """Return the bytes that are stored of weights, those that are shared once."""
    storages = (weight.untyped_storage() for weight in weights.values())
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def check_sizes(options: dict[str, Any], tensors: int, stored: int) -> None:
    """Raise a UserError for sizes that so few weights cannot have."""
    for name in SIZES:
        size = options.get(name)
        if size is None and name == "embedding_size":
            continue
        if name in options and not (type(size) is int and 1 <= size <= stored):
            raise UserError(f"its {name} cannot be {str(size)[:40]}, since {stored:,} bytes of weights are stored")
    depth = options.get("depth", 1)
    if not (type(depth) is int and 1 <= depth <= tensors):
        raise UserError(f"its depth cannot be {str(depth)[:40]}, since {tensors:,} weights are stored")


def check_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Raise a UserError unless the stored weights are those of this model, each with its shape and kind of number."""
    own = model.state_dict()
    if lacking := [name for name in own if name not in weights]:
        raise UserError(f"{len(lacking)} of its weights are not stored, as {lacking[0]}")
    if extra := [name for name in weights if name not in own]:
        raise UserError(f"{len(extra)} of the stored weights are not the model's, as {extra[0][:80]}")
    for name, weight in weights.items():
        if weight.shape != own[name].shape:
            raise UserError(
                f"{name} is stored as {list(weight.shape)}, and its options make it {list(own[name].shape)}"
            )
        if weight.dtype != own[name].dtype and not (weight.is_floating_point() and own[name].is_floating_point()):
            raise UserError(f"{name} is stored as {weight.dtype}, and must be {own[name].dtype}")


def check_finite(weights: dict[str, Tensor]) -> None:
    """Raise a UserError if a weight is NaN or infinite, as those of a training that has diverged."""
    for name, weight in weights.items():
        if weight.is_floating_point() and not weight.isfinite().all():
            raise UserError(f"its weights have diverged: {name} holds numbers that are not finite")


def check_data(data: dict[str, Any]) -> None:
    """Raise a UserError unless what a training left of its data is the states of tokenizers, and words of a corpus."""
    states = data["tokenizers"]
    if not (isinstance(states, dict) and isinstance(states.get("source"), dict)):
        raise UserError("it holds no source tokenizer")
    if not isinstance(states.get("target", {}), dict):
        raise UserError("it holds no target tokenizer")
    if not isinstance(corpus := data.get("corpus", {}), dict):
        raise UserError("its description of the corpus is none")
    for key, value in corpus.items():
        if not isinstance(value, str | float | int | None):
            raise UserError(f"its description of the corpus holds a {type(value).__name__} as {str(key)[:80]}")
