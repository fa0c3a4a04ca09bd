"""Whether a checkpoint holds a training that can go on here, which is checked before anything is restored from it."""

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

from seq2seq.errors import UserError
from seq2seq.models import LanguageModel
from seq2seq.ranges import LARGEST, brief
from seq2seq.rank_zero import rank_zero_log
from seq2seq.state import unflatten

PARTS = ("optimizer_states", "lr_schedulers", "loops", "callbacks")
COUNTERS = ("epoch", "global_step")
SCALARS = {"step", "mu_product", "eta", "mu"}  # parts of a state of torch's optimizers that are one number
FACTORS = {"row_var", "col_var"}  # of Adafactor (Shazeer and Stern, 2018), which sum one axis up
IMPLEMENTATIONS = ("foreach", "fused", "capturable", "differentiable")  # not what is computed
PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")


def check_training(held: dict[str, Any], trainer: pl.Trainer, model: pl.LightningModule, checkpoint: str) -> None:
    """Raise a UserError if a training cannot go on from a checkpoint, and say which options it goes on with instead.

    Args:
        held: What the checkpoint holds.
        trainer: Trains on.
        model: Is trained.
        checkpoint: Its path, for the error.
    """
    if lacking := [part for part in PARTS if part not in held]:
        raise UserError(
            f"{checkpoint} holds no training to go on with, as averages do not (it lacks {', '.join(lacking)}): "
            f"give --init-from to start anew from its weights"
        )
    try:
        for counter in COUNTERS:
            check_like(held.get(counter), 0, counter)
        if not re.fullmatch(r"\d+(\.\w+)+", str(held.get("pytorch-lightning_version"))):
            raise UserError("it names no version of pytorch-lightning")
        check_like(held["loops"], {"fit_loop": trainer.fit_loop.state_dict()}, "loops")
        check_callbacks(held["callbacks"], trainer)
        metrics = held.get("metrics")
        if not isinstance(metrics, dict) or not all(map(is_scalar, metrics.values())):
            raise UserError("metrics must be the numbers that were measured last")
        optimizers, schedulers = parts_of(model.configure_optimizers())
        check_same_number(held["optimizer_states"], optimizers, "optimizer_states")
        for state, optimizer in zip(held["optimizer_states"], optimizers, strict=True):
            check_optimizer(state, optimizer)
        check_same_number(held["lr_schedulers"], schedulers, "lr_schedulers")
        for state, scheduler in zip(held["lr_schedulers"], schedulers, strict=True):
            check_like(state, scheduler.state_dict(), "lr_schedulers")
        if isinstance(model, LanguageModel):
            check_carried(held.get("carried_state"), model)
    except UserError as error:
        raise UserError(f"this training cannot go on from {checkpoint}: {error}") from error
    kept = [
        difference
        for state, optimizer in zip(held["optimizer_states"], optimizers, strict=True)
        for difference in kept_by_optimizer(state, optimizer)
    ]
    for state, scheduler in zip(held["lr_schedulers"], schedulers, strict=True):
        names = signature(type(scheduler).__init__).parameters
        kept += differences(state, scheduler.state_dict(), [name for name in names if name != "last_epoch"])
    if kept:
        rank_zero_log(
            f"{checkpoint} keeps its {', '.join(kept)}: give --init-from to train its weights with other options"
        )


def kept_by_optimizer(state: dict[str, Any], optimizer: Any) -> list[str]:
    """Return the options of an optimizer that a checkpoint keeps and the configuration has otherwise."""
    group, fresh = state["param_groups"][0], optimizer.state_dict()["param_groups"][0]
    names = [name for name in optimizer.defaults if name not in IMPLEMENTATIONS]
    rate = "initial_lr" if "initial_lr" in fresh else "lr"  # which a schedule leaves as it was given
    return differences(group | {"lr": group.get(rate)}, fresh | {"lr": fresh[rate]}, names)


def differences(state: dict[str, Any], fresh: dict[str, Any], names: Sequence[str]) -> list[str]:
    """Return what of these options is another in a state than in a fresh one, with both values."""
    return [
        f"{name} {shown(state[name])} (not {shown(fresh[name])})"
        for name in names
        if name in state and name in fresh and not same_option(state[name], fresh[name])
    ]


def same_option(one: Any, other: Any) -> bool:
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_option, one, other))
    one, other = (value.item() if is_scalar(value) else value for value in (one, other))
    return bool(one == other)


def check_like(state: Any, fresh: Any, where: str, whole: bool = True) -> None:
    """Raise a UserError unless a state has the parts of a fresh one, each of its kind.

    What is None in a fresh one may become a scalar, or weights, as those that StochasticWeightAveraging averages; a 0
    may become a fraction unless whole numbers stay whole, as the seconds of a Timer do not.
    """
    match fresh:
        case dict():
            same = isinstance(state, dict) and all(key in state for key in fresh)
        case bool():
            same = isinstance(state, bool)
        case int():
            same = (type(state) is int or (is_number(state) and not whole)) and -1 <= state <= LARGEST
        case float():
            same = is_number(state) and (math.isfinite(state) or not math.isfinite(fresh)) and (state >= 0 or fresh < 0)
        case list() | tuple():
            same = isinstance(state, list | tuple) and len(state) == len(fresh)
        case None:
            same = isinstance(state, bool | int | float | str | None) or is_scalar(state) or is_weights(state)
        case _:
            same = isinstance(state, type(fresh))
    if not same:
        raise UserError(f"{where} cannot be {shown(state)}")
    if isinstance(fresh, dict):
        for key, part in fresh.items():
            check_like(state[key], part, f"{where}.{key}", whole)
    elif isinstance(fresh, list | tuple):
        for one, part in zip(state, fresh, strict=True):
            check_like(one, part, where, whole)


def check_same_number(states: Any, made: Sequence[Any], where: str) -> None:
    if not isinstance(states, list) or len(states) != len(made):
        raise UserError(f"{where} must hold {len(made)} states, as the configuration has it")


def check_optimizer(state: Any, optimizer: Any) -> None:
    """Raise a UserError unless a state is one of this optimizer's class, for parameters of these shapes."""
    if not isinstance(state, dict) or not isinstance(state.get("state"), dict):
        raise UserError("optimizer_states holds no state")
    groups = optimizer.state_dict()["param_groups"]
    check_same_number(state.get("param_groups"), groups, "optimizer_states.param_groups")
    for group, fresh in zip(state["param_groups"], groups, strict=True):
        check_group(group, fresh, type(optimizer).__name__)
    if isinstance(optimizer, LBFGS):
        check_lbfgs(state["state"], optimizer)
        return
    shapes = [parameter.shape for group in optimizer.param_groups for parameter in group["params"]]
    known = type(optimizer).__module__.startswith("torch.")
    names: dict[bool, set[Any]] = {True: set(), False: set()}  # some optimizers keep other parts of a vector
    for index, parts in state["state"].items():
        if type(index) is not int or not 0 <= index < len(shapes) or not isinstance(parts, dict) or not parts:
            raise UserError(f"optimizer_states has no parameter {shown(index)}")
        for name, part in parts.items():
            if not fits(name, part, shapes[index], known):
                raise UserError(f"optimizer_states.{shown(name)} does not fit the parameter {index}, {shown(part)}")
        names[len(shapes[index]) > 1].add(tuple(sorted(map(str, parts))))
    if any(len(several) > 1 for several in names.values()):
        raise UserError("optimizer_states lacks parts of some parameters")


def check_lbfgs(state: dict[Any, Any], optimizer: LBFGS) -> None:
    """Raise a UserError unless a state is of these parameters, which torch keeps in one vector (Nocedal, 1980)."""
    group = optimizer.param_groups[0]
    size = sum(parameter.numel() for parameter in group["params"])
    if not all(index == 0 and isinstance(parts, dict) for index, parts in state.items()):
        raise UserError("optimizer_states must have one state for all parameters, as LBFGS keeps it")

    def is_vector(part: Any) -> bool:
        return isinstance(part, Tensor) and part.is_floating_point() and part.shape == (size,)

    def is_finite(part: Any) -> bool:
        return (is_number(part) or is_scalar(part)) and math.isfinite(part)

    parts = state.get(0, {})
    lists = {"old_dirs": is_vector, "old_stps": is_vector, "ro": is_finite}
    for name, part in parts.items():
        if name in lists:
            fine = isinstance(part, list) and all(map(lists[name], part)) and len(part) <= group["history_size"]
            fine = fine and len(part) == len(parts.get("old_dirs", ()))
        elif name == "al":
            fine = isinstance(part, list) and len(part) == group["history_size"]
            fine = fine and all(one is None or is_finite(one) for one in part)
        else:
            fine = is_vector(part) if name in ("d", "prev_flat_grad") else is_finite(part)
        if not fine:
            raise UserError(f"optimizer_states.{shown(name)} does not fit the parameters, {shown(part)}")


def check_group(group: Any, fresh: dict[str, Any], optimizer: str) -> None:
    """Raise a UserError unless options of an optimizer are of its class; versions of torch may know other flags."""
    known = {key: value for key, value in fresh.items() if key != "initial_lr" and not isinstance(value, bool | None)}
    if not isinstance(group, dict) or group.get("params") != fresh["params"]:
        raise UserError("optimizer_states is of other parameters")
    numbers = {key for key, value in group.items() if key != "initial_lr" and not isinstance(value, bool | None)}
    if numbers != set(known):
        raise UserError(f"optimizer_states is of another optimizer than {optimizer}, or of other options")
    for key, value in known.items():
        given = group[key].item() if is_scalar(group[key]) else group[key]
        check_like(given, value.item() if is_scalar(value) else value, f"optimizer_states.{key}")


def check_callbacks(states: Any, trainer: pl.Trainer) -> None:
    """Raise a UserError unless callbacks get states of their own kind, which name files of their own folder only."""
    if not isinstance(states, dict) or not all(isinstance(state, dict) for state in states.values()):
        raise UserError("callbacks must hold a state for each")
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        state = states.get(callback.state_key)
        if state is None:
            continue
        check_like(state, callback.state_dict(), f"callbacks.{type(callback).__name__}", whole=False)
        if isinstance(callback, ModelCheckpoint):
            check_kept(state)


def check_kept(state: dict[str, Any]) -> None:
    """Raise a UserError if Lightning would remove a file that it did not write, since a checkpoint names it."""
    folder, scores = state["dirpath"], state["best_k_models"]
    if not all(isinstance(path, str) and is_scalar(score) for path, score in scores.items()):
        raise UserError("callbacks.ModelCheckpoint.best_k_models must be scores of checkpoints")
    for path in (*scores, *filter(None, (state[key] for key in PATHS))):
        if not isinstance(folder, str) or not str(path).startswith(f"{folder}/") or ".." in Path(str(path)).parts:
            raise UserError(f"callbacks.ModelCheckpoint names {shown(path)}, which is not in its folder")


def check_carried(every: Any, model: LanguageModel) -> None:
    """Raise a UserError unless there is a state for each process, of this model's layers, or none."""
    if not isinstance(every, list):
        raise UserError("carried_state must hold a state for each process")
    for state in every:
        if not isinstance(state, list) or not all(isinstance(part, Tensor) and part.ndim for part in state):
            raise UserError("carried_state is not of this model's layers")
        if not state:
            continue
        try:
            unflatten(state, model.initial_state(len(state[0])))
        except UserError as error:
            raise UserError(f"carried_state is not of this model's layers: {error}") from error
        if not all(part.isfinite().all() for part in state):
            raise UserError("carried_state holds numbers that are not finite")


def parts_of(configured: Any) -> tuple[list[Any], list[Any]]:
    """Return the optimizers and the schedules that a module configures, in the forms that ours have."""
    if not isinstance(configured, dict):
        return [configured], []
    schedule = configured.get("lr_scheduler")
    schedules = [] if schedule is None else [schedule["scheduler"] if isinstance(schedule, dict) else schedule]
    return [configured["optimizer"]], schedules


def fits(name: Any, part: Any, shape: torch.Size, known: bool) -> bool:
    """Whether a part of an optimizer's state can be that of a parameter of this shape.

    torch's fused and foreach updates read such tensors without a look at their shapes.

    Args:
        name: What the optimizer calls the part.
        part: A number, a tensor or None.
        shape: Of the parameter.
        known: Whether the optimizer is one of torch's, whose parts are known by name.
    """
    if part is None:
        return not known or name == "momentum_buffer"  # of SGD before its first step
    if name in SCALARS or (not known and not (isinstance(part, Tensor) and part.ndim)):
        number = part.item() if is_scalar(part) else part
        return is_number(number) and math.isfinite(number) and (number >= 0 or not known)
    if not isinstance(part, Tensor) or not part.is_floating_point():
        return False
    if name in FACTORS or not known:
        return part.ndim == len(shape) and all(
            size in (1, whole) for size, whole in zip(part.shape, shape, strict=True)
        )
    return part.shape == shape


def is_number(value: Any) -> bool:
    return type(value) in (int, float)


def is_scalar(value: Any) -> bool:
    return isinstance(value, Tensor) and value.numel() == 1


def is_weights(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(part, Tensor) for part in value.values())


def shown(value: Any) -> str:
    """Return a value as an error shows it, however large it is."""
    return f"a tensor of shape {list(value.shape)}" if isinstance(value, Tensor) else brief(value)
