"""Validation of a checkpoint before training is resumed from it."""

import math
import re
from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor
from torch.optim import LBFGS
from torch.optim.lr_scheduler import OneCycleLR

from seq2seq.errors import UserError, prefix_errors
from seq2seq.inference.checkpoint_validation import check_finite
from seq2seq.ranges import LARGEST, shorten
from seq2seq.standard_streams import rank_zero_log
from seq2seq.training.schedules import check_one_cycle_steps
from seq2seq.training.training_module import TrainingModule

REQUIRED_KEYS = ("optimizer_states", "lr_schedulers", "loops", "callbacks")
COUNTERS = ("epoch", "global_step")
SCALAR_STATE = {"step", "mu_product", "eta", "mu"}  # scalar entries in the states of torch's optimizers
FACTORED_STATE = {"row_var", "col_var"}  # factored second moments of Adafactor (Shazeer and Stern, 2018)
IMPLEMENTATION_OPTIONS = ("foreach", "fused", "capturable", "differentiable")  # do not change the result
PATH_KEYS = ("best_model_path", "kth_best_model_path", "last_model_path")


def validate_resume(checkpoint: dict[str, Any], trainer: pl.Trainer, model: TrainingModule, path: str) -> None:
    """Raise a UserError if training cannot be resumed from a checkpoint; log options that the checkpoint overrides.

    Args:
        checkpoint: The contents of the checkpoint.
        trainer: The trainer of the resumed training.
        model: The model of the resumed training.
        path: Path of the checkpoint, for messages.
    """
    if missing := [key for key in REQUIRED_KEYS if key not in checkpoint]:
        raise UserError(
            f"cannot resume from {path}: it has weights but no training state, as an average "
            f"(missing: {', '.join(missing)}); give --init-from to start a new training from its weights"
        )
    with prefix_errors(f"cannot resume from {path}"):
        for counter in COUNTERS:
            validate_structure(checkpoint.get(counter), 0, counter)
        if not re.fullmatch(r"\d+(\.\w+)+", str(checkpoint.get("pytorch-lightning_version"))):
            raise UserError("pytorch-lightning_version is missing or invalid")
        validate_structure(checkpoint["loops"], {"fit_loop": trainer.fit_loop.state_dict()}, "loops")
        validate_callback_states(checkpoint["callbacks"], trainer)
        metrics = checkpoint.get("metrics")
        if not isinstance(metrics, dict) or not all(map(is_scalar, metrics.values())):
            raise UserError("metrics must be a dict of scalars")
        optimizers, schedulers = optimizers_and_schedulers(model.configure_optimizers())
        validate_count(checkpoint["optimizer_states"], optimizers, "optimizer_states")
        for state, optimizer in zip(checkpoint["optimizer_states"], optimizers, strict=True):
            validate_optimizer_state(state, optimizer)
        validate_count(checkpoint["lr_schedulers"], schedulers, "lr_schedulers")
        for state, scheduler in zip(checkpoint["lr_schedulers"], schedulers, strict=True):
            validate_structure(state, scheduler.state_dict(), "lr_schedulers")
        model.validate_resume(checkpoint)
        for state, scheduler in zip(checkpoint["lr_schedulers"], schedulers, strict=True):
            if isinstance(scheduler, OneCycleLR):
                check_one_cycle_steps(state["total_steps"], trainer.max_steps)
        check_finite(checkpoint["state_dict"])
    overridden = [
        option
        for state, optimizer in zip(checkpoint["optimizer_states"], optimizers, strict=True)
        for option in changed_optimizer_options(state, optimizer)
    ]
    for state, scheduler in zip(checkpoint["lr_schedulers"], schedulers, strict=True):
        names = signature(type(scheduler).__init__).parameters
        overridden += changed_options(state, scheduler.state_dict(), [name for name in names if name != "last_epoch"])
    if overridden:
        rank_zero_log(
            f"{path} keeps its {', '.join(overridden)}: give --init-from to train its weights with other options"
        )


def changed_optimizer_options(state: dict[str, Any], optimizer: Any) -> list[str]:
    """Return the optimizer options that differ between a saved state and the configuration."""
    saved, configured = state["param_groups"][0], optimizer.state_dict()["param_groups"][0]
    names = [name for name in optimizer.defaults if name not in IMPLEMENTATION_OPTIONS]
    rate = "initial_lr" if "initial_lr" in configured else "lr"  # a schedule changes lr but not initial_lr
    return changed_options(saved | {"lr": saved.get(rate)}, configured | {"lr": configured[rate]}, names)


def changed_options(saved: dict[str, Any], configured: dict[str, Any], names: Sequence[str]) -> list[str]:
    """Return, as text with both values, which of the named options differ between two dicts."""
    return [
        f"{name} {format_value(saved[name])} (not {format_value(configured[name])})"
        for name in names
        if name in saved and name in configured and not same_option(saved[name], configured[name])
    ]


def same_option(one: Any, other: Any) -> bool:
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_option, one, other))
    one, other = (value.item() if is_scalar(value) else value for value in (one, other))
    return bool(one == other)


def validate_structure(saved: Any, initial: Any, name: str, strict_int: bool = True) -> None:
    """Raise a UserError unless a saved state has the same structure and types as an initial one.

    Where the initial value is None, the saved one may be a scalar or a dict of tensors (StochasticWeightAveraging).

    Args:
        saved: The state in the checkpoint.
        initial: The state of a newly created object.
        name: Name of the state, for the error message.
        strict_int: Whether integers must stay integers; the seconds of a Timer start as 0 and become floats.
    """
    match initial:
        case dict():
            valid = isinstance(saved, dict) and all(key in saved for key in initial)
        case bool():
            valid = isinstance(saved, bool)
        case int():
            valid = (type(saved) is int or (is_number(saved) and not strict_int)) and -1 <= saved <= LARGEST
        case float():
            valid = is_number(saved) and (math.isfinite(saved) or not math.isfinite(initial))
            valid = valid and (saved >= 0 or initial < 0)
        case list() | tuple():
            valid = isinstance(saved, list | tuple) and len(saved) == len(initial)
        case None:
            valid = isinstance(saved, bool | int | float | str | None) or is_scalar(saved) or is_tensor_dict(saved)
        case _:
            valid = isinstance(saved, type(initial))
    if not valid:
        raise UserError(f"{name} cannot be {format_value(saved)}")
    if isinstance(initial, dict):
        for key, value in initial.items():
            validate_structure(saved[key], value, f"{name}.{key}", strict_int)
    elif isinstance(initial, list | tuple):
        for saved_item, initial_item in zip(saved, initial, strict=True):
            validate_structure(saved_item, initial_item, name, strict_int)


def validate_count(states: Any, expected: Sequence[Any], name: str) -> None:
    if not isinstance(states, list) or len(states) != len(expected):
        raise UserError(f"{name} must have {len(expected)} states, as the configuration has")


def validate_optimizer_state(state: Any, optimizer: Any) -> None:
    """Raise a UserError unless a saved state fits the class of an optimizer and the shapes of its parameters."""
    if not isinstance(state, dict) or not isinstance(state.get("state"), dict):
        raise UserError("optimizer_states has no state")
    groups = optimizer.state_dict()["param_groups"]
    validate_count(state.get("param_groups"), groups, "optimizer_states.param_groups")
    for saved, configured in zip(state["param_groups"], groups, strict=True):
        validate_param_group(saved, configured, type(optimizer).__name__)
    if isinstance(optimizer, LBFGS):
        validate_lbfgs_state(state["state"], optimizer)
        return
    shapes = [parameter.shape for group in optimizer.param_groups for parameter in group["params"]]
    from_torch = type(optimizer).__module__.startswith("torch.")
    # some optimizers have other entries for vectors (False) than for matrices (True)
    entry_names: dict[bool, set[Any]] = {True: set(), False: set()}
    for index, entries in state["state"].items():
        if type(index) is not int or not 0 <= index < len(shapes) or not isinstance(entries, dict) or not entries:
            raise UserError(f"optimizer_states has no parameter {format_value(index)}")
        for name, value in entries.items():
            if not fits_parameter(name, value, shapes[index], from_torch):
                raise UserError(
                    f"optimizer_states.{format_value(name)} does not fit the parameter {index}, {format_value(value)}"
                )
        entry_names[len(shapes[index]) > 1].add(tuple(sorted(map(str, entries))))
    if any(len(different) > 1 for different in entry_names.values()):
        raise UserError("optimizer_states lacks entries of some parameters")


def validate_lbfgs_state(state: dict[Any, Any], optimizer: LBFGS) -> None:
    """Raise a UserError unless a saved LBFGS state fits the parameters, which it has in one vector (Nocedal, 1980)."""
    group = optimizer.param_groups[0]
    size = sum(parameter.numel() for parameter in group["params"])
    if not all(index == 0 and isinstance(entries, dict) for index, entries in state.items()):
        raise UserError("optimizer_states must have one state for all parameters of LBFGS")

    def is_vector(value: Any) -> bool:
        return isinstance(value, Tensor) and value.is_floating_point() and value.shape == (size,)

    def is_finite(value: Any) -> bool:
        return (is_number(value) or is_scalar(value)) and math.isfinite(value)

    entries = state.get(0, {})
    item_checks = {"old_dirs": is_vector, "old_stps": is_vector, "ro": is_finite}
    for name, value in entries.items():
        if name in item_checks:
            valid = isinstance(value, list) and all(map(item_checks[name], value))
            valid = valid and len(value) == len(entries.get("old_dirs", ())) <= group["history_size"]
        elif name == "al":
            valid = isinstance(value, list) and len(value) == group["history_size"]
            valid = valid and all(item is None or is_finite(item) for item in value)
        else:
            valid = is_vector(value) if name in ("d", "prev_flat_grad") else is_finite(value)
        if not valid:
            raise UserError(f"optimizer_states.{format_value(name)} does not fit the parameters, {format_value(value)}")


def validate_param_group(saved: Any, configured: dict[str, Any], optimizer: str) -> None:
    """Raise a UserError unless a saved parameter group has the parameters and the options of the configured one.

    Flags and options that are None are ignored, since they differ between versions of torch.
    """
    if not isinstance(saved, dict) or saved.get("params") != configured["params"]:
        raise UserError("optimizer_states has other parameters")
    saved_options, options = (
        {key: value for key, value in group.items() if key != "initial_lr" and not isinstance(value, bool | None)}
        for group in (saved, configured)
    )
    if saved_options.keys() != options.keys():
        raise UserError(f"optimizer_states is of another optimizer than {optimizer}, or has other options")
    for key, value in options.items():
        saved_value = saved[key].item() if is_scalar(saved[key]) else saved[key]
        validate_structure(saved_value, value.item() if is_scalar(value) else value, f"optimizer_states.{key}")


def validate_callback_states(states: Any, trainer: pl.Trainer) -> None:
    """Raise a UserError unless the callback states have the right structure and only name files in their own folder."""
    if not isinstance(states, dict) or not all(isinstance(state, dict) for state in states.values()):
        raise UserError("callbacks must have one state for each callback")
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        state = states.get(callback.state_key)
        if state is None:
            continue
        validate_structure(state, callback.state_dict(), f"callbacks.{type(callback).__name__}", strict_int=False)
        if isinstance(callback, ModelCheckpoint):
            validate_checkpoint_paths(state)


def validate_checkpoint_paths(state: dict[str, Any]) -> None:
    """Raise a UserError if the state names files outside of its folder, which ModelCheckpoint would later delete."""
    folder, scores = state["dirpath"], state["best_k_models"]
    if not all(isinstance(path, str) and is_scalar(score) for path, score in scores.items()):
        raise UserError("callbacks.ModelCheckpoint.best_k_models must be scores of checkpoints")
    for path in (*scores, *filter(None, (state[key] for key in PATH_KEYS))):
        if not isinstance(folder, str) or not str(path).startswith(f"{folder}/") or ".." in Path(str(path)).parts:
            raise UserError(f"callbacks.ModelCheckpoint names {format_value(path)}, which is not in its folder")


def optimizers_and_schedulers(configured: Any) -> tuple[list[Any], list[Any]]:
    """Return the optimizers and schedulers from `configure_optimizers`, which returns an optimizer or a dict."""
    if not isinstance(configured, dict):
        return [configured], []
    schedule = configured.get("lr_scheduler")
    schedules = [] if schedule is None else [schedule["scheduler"] if isinstance(schedule, dict) else schedule]
    return [configured["optimizer"]], schedules


def fits_parameter(name: Any, value: Any, shape: torch.Size, from_torch: bool) -> bool:
    """Return whether an entry of an optimizer's state is valid for a parameter of this shape.

    torch's fused and foreach updates read such tensors without checking their shapes.

    Args:
        name: Name of the entry.
        value: A number, a tensor or None.
        shape: Shape of the parameter.
        from_torch: Whether the optimizer is one of torch's, whose entries are known by name.
    """
    if value is None:
        return not from_torch or name == "momentum_buffer"  # of SGD before its first step
    if name in SCALAR_STATE or (not from_torch and not (isinstance(value, Tensor) and value.ndim)):
        number = value.item() if is_scalar(value) else value
        return is_number(number) and math.isfinite(number) and (number >= 0 or not from_torch)
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return False
    if name in FACTORED_STATE or not from_torch:
        return value.ndim == len(shape) and all(
            size in (1, full_size) for size, full_size in zip(value.shape, shape, strict=True)
        )
    return value.shape == shape


def is_number(value: Any) -> bool:
    return type(value) in (int, float)


def is_scalar(value: Any) -> bool:
    return isinstance(value, Tensor) and value.numel() == 1


def is_tensor_dict(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(part, Tensor) for part in value.values())


def format_value(value: Any) -> str:
    """Return a short description of a value for an error message."""
    return f"a tensor of shape {list(value.shape)}" if isinstance(value, Tensor) else shorten(value)
