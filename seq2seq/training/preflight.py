"""Preflight checks: errors in the options of a training or an evaluation, reported before it starts."""

import re
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.accelerators import CUDAAccelerator, MPSAccelerator, XLAAccelerator
from pytorch_lightning.callbacks import LearningRateMonitor, ModelCheckpoint

from seq2seq.errors import UserError, prefix_errors
from seq2seq.inference.checkpoint_validation import check_weights
from seq2seq.models.hyperparameters import differing_options
from seq2seq.nn.mixed_precision import has_fast_products
from seq2seq.ranges import shorten
from seq2seq.recurrence import GRU, LSTM, RNN, Recurrence, Stack
from seq2seq.standard_streams import rank_zero_log
from seq2seq.storage import path_inside
from seq2seq.tasks.loading import known_tasks
from seq2seq.training.training_module import TrainingModule, describe
from seq2seq.training.validation_metrics import TRANSLATION_METRICS, TranslationMetrics

METRICS = ("train_loss", "val_loss", "tokens_per_second", "gradient_norm", "tokens", "seconds")  # of every training
KNOWN_PACKAGES = {"seq2seq", "pytorch_lightning", "torch"}  # whose classes log no other metrics
FILENAME_FIELD = re.compile(r"\{([A-Za-z_][\w./-]*)(:[-+ ]?(\d{0,9})[,_]?(\.(\d{1,9}))?[deEfFgGn%]?)?\}")
MAX_FIELD_WIDTH = 20  # characters, and digits after the decimal point
MAX_FILENAME_BYTES = 200  # a file name may have 255, and a suffix follows


def check_monitors(callbacks: list[Any], model: LightningModule, lr_scheduler: Any) -> None:
    """Raise a UserError if a metric is monitored that the training does not log.

    A model or callback of another package may log any metric, except for those of TranslationMetrics.

    Args:
        callbacks: The callbacks that the configuration sets.
        model: The model.
        lr_scheduler: The option lr_scheduler.
    """
    monitors = [(callback, getattr(callback, "monitor", None)) for callback in callbacks]
    modes = [getattr(callback, "mode", None) for callback in callbacks]
    if lr_scheduler is not None:
        monitors.append((None, lr_scheduler.get("init_args", {}).get("monitor")))
        modes.append(lr_scheduler.get("init_args", {}).get("mode"))
    computed = [name for callback in callbacks if isinstance(callback, TranslationMetrics) for name in callback.logged]
    for (callback, metric), mode in zip(monitors, modes, strict=True):
        if metric in TRANSLATION_METRICS and metric not in computed:
            name = metric.removeprefix("val_")
            raise UserError(
                f"{metric} is monitored but not computed: add TranslationMetrics to trainer.callbacks, with {name} "
                f"among its metrics"
            )
        if metric in TRANSLATION_METRICS:
            best = "max" if TRANSLATION_METRICS[metric].higher_is_better else "min"
            if mode in ("min", "max") and mode != best:
                raise UserError(f"{monitor_name(callback)} monitors {metric} with mode {mode}, and its mode is {best}")
    if any(type(part).__module__.partition(".")[0] not in KNOWN_PACKAGES for part in (model, *callbacks)):
        return
    has_rates = any(isinstance(callback, LearningRateMonitor) for callback in callbacks)
    for callback, metric in monitors:
        metrics = [*METRICS, *computed, *["epoch", "step"] * isinstance(callback, ModelCheckpoint)]
        if metric is None or metric in metrics or (has_rates and metric.startswith("lr-")):
            continue
        raise UserError(
            f"{monitor_name(callback)} monitors {shorten(metric)}, which is not logged; "
            f"it can monitor one of {', '.join(metrics)}"
        )


def monitor_name(callback: Any) -> str:
    """Return the name of a callback that monitors a metric, or of the schedule in its place."""
    return "lr_scheduler" if callback is None else type(callback).__name__


def check_data(model: type, data: type) -> None:
    """Raise a UserError if the data module is that of another task and lacks what the model needs of it.

    A data module of another kind may set the attribute when it is created.

    Args:
        model: The class of the model.
        data: The class of the data module.
    """
    others = [resolve_name(task.data_module) for task in known_tasks()]
    if not issubclass(model, TrainingModule) or data not in others:
        return
    for option in model.data_options():
        if not hasattr(data, option):
            raise UserError(
                f"a {model.__name__} needs the {option} of its data, and {data.__name__} has none; "
                f"its data is {model.task.data_module.rpartition('.')[2]}"
            )


def check_checkpoint_paths(options: Any, folder: Path) -> None:
    """Raise a UserError if ModelCheckpoint would write outside of the run or overwrite best.ckpt or last.ckpt.

    Args:
        options: `dirpath`, `filename` and `save_last`.
        folder: The folder of all runs, for the error message.
    """
    if options.dirpath is not None:
        raise UserError(f"checkpoint.dirpath is the folder of the run: set it with --runs and --name, now {folder}")
    if options.save_last:
        raise UserError("checkpoint.save_last is not needed: every run keeps last.ckpt, as often as --keep sets")
    if options.filename is not None:
        path_inside(folder, options.filename, "checkpoint.filename", nested=True)
        if Path(options.filename).name in ("best", "last"):
            raise UserError(f"checkpoint.filename must not be {options.filename}, which every run writes itself")
        check_checkpoint_filename(options.filename)


def check_checkpoint_filename(filename: str, option: str = "checkpoint.filename") -> None:
    """Raise a UserError if ModelCheckpoint cannot make a file name of a format string during training.

    The metrics are formatted as floats and also as integers, since one that is not logged yet is the integer 0.

    Args:
        filename: The format string: text with fields such as {step} and {val_loss:.3f}.
        option: The option that has this value, for the error message.
    """
    error = UserError(
        f"{option} must be a file name of at most {MAX_FILENAME_BYTES} bytes with fields such as {{step}} or "
        f"{{val_loss:.3f}}, of at most {MAX_FIELD_WIDTH} characters, and {shorten(filename)} was given"
    )
    fields = list(FILENAME_FIELD.finditer(filename))
    if re.search(r"[{}]", FILENAME_FIELD.sub("", filename)) or "\0" in filename:
        raise error
    if any(int(size or 0) > MAX_FIELD_WIDTH for field in fields for size in field.group(3, 5)):
        raise error
    for value in (0, 1e9):
        metrics = {field[1]: torch.tensor(value) for field in fields}
        counters = {name: torch.tensor(10**9) for name in ("epoch", "step")}
        try:
            path = ModelCheckpoint(filename=filename).format_checkpoint_name(metrics | counters)
        except ValueError as cause:  # a format that the type of the value lacks
            raise error from cause
        if len(path.encode()) > MAX_FILENAME_BYTES:
            raise error


def check_precision(model: Any, precision: Any) -> None:
    """Raise a UserError for half-precision weights in layers whose gates and states need float32.

    Only torch's fused RNN, LSTM and GRU compute correctly with such weights.
    """
    if precision not in ("bf16-true", "16-true"):
        return
    layers = [layer for layer in model.modules() if isinstance(layer, Recurrence)]
    unsupported = sorted({type(layer).__name__ for layer in layers if not isinstance(layer, Stack | RNN | LSTM | GRU)})
    if unsupported:
        raise UserError(
            f"trainer.precision {precision} would hold gates and states of {', '.join(unsupported)} in half precision; "
            f"{precision.replace('true', 'mixed')} keeps them in float32"
        )


def supported_precision(precision: Any, accelerator: Any) -> Any:
    """Return the precision to train with: float32 instead of bf16-mixed on CPUs without bfloat16 matrix products.

    A bf16-true precision is kept, although it is slow there. Each case is logged.

    Args:
        precision: The option trainer.precision.
        accelerator: The option trainer.accelerator.
    """
    devices = (CUDAAccelerator, MPSAccelerator, XLAAccelerator)
    on_cpu = accelerator == "cpu" or (accelerator == "auto" and not any(device.is_available() for device in devices))
    if not str(precision).startswith("bf16") or not on_cpu or has_fast_products(torch.bfloat16):
        return precision
    missing = "this processor has no bfloat16 matrix products"
    if precision == "bf16-true":
        rank_zero_log(f"{missing}: trainer.precision bf16-true takes many times as long as 32-true")
        return precision
    rank_zero_log(f"{missing}: computing in float32 instead of trainer.precision {precision}")
    return "32-true"


def check_same_model(model: Any, checkpoint: dict[str, Any], path: str, advice: str) -> None:
    """Raise a UserError if the configured model differs from the one in a checkpoint.

    Args:
        model: The model of the configuration.
        checkpoint: The contents of the checkpoint.
        path: Path of the checkpoint, for the error message.
        advice: What to do instead, as the end of the error message.
    """
    changed = differing_options(checkpoint["model"], describe(model))
    if changed:
        raise UserError(f"the model in {path} differs from the configuration (changed: {', '.join(changed)}); {advice}")
    with prefix_errors(f"{path} does not fit this model"):
        check_weights(model, checkpoint["state_dict"])


def check_process_count(checkpoint: dict[str, Any], processes: int) -> None:
    """Raise a UserError if the carried state of a language model was saved by another number of processes."""
    saved = len(checkpoint.get("carried_state", ())) or processes
    if saved != processes:
        raise UserError(
            f"the carried state of the streams was saved by {saved} processes and cannot be restored by {processes}: "
            f"resume with as many devices as before"
        )
