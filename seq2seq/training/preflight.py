"""What must hold before a training or an evaluation starts, so that it fails at once and in plain words."""

from typing import Any

import torch
from pytorch_lightning.accelerators import CUDAAccelerator, MPSAccelerator, XLAAccelerator

from seq2seq.errors import UserError
from seq2seq.inference.checkpoint_validation import check_weights
from seq2seq.models.trainable import describe
from seq2seq.processor import has_fast_products
from seq2seq.rank_zero import rank_zero_log
from seq2seq.recurrence import GRU, LSTM, RNN, Recurrence, Stack
from seq2seq.training.previews import Bleu


def check_monitors(callbacks: list[Any]) -> None:
    """Raise a ValueError if BLEU is watched and nobody computes it, which would be noticed only after a while."""
    if any(getattr(callback, "monitor", None) == "val_bleu" for callback in callbacks) and not any(
        isinstance(callback, Bleu) for callback in callbacks
    ):
        raise UserError("val_bleu is watched and not computed: add Bleu to trainer.callbacks")


def check_precision(model: Any, precision: Any) -> None:
    """Raise a ValueError if gates and states would be held in half precision, which only torch's own kernels can do."""
    if precision not in ("bf16-true", "16-true"):
        return
    layers = [layer for layer in model.modules() if isinstance(layer, Recurrence)]
    rough = sorted({type(layer).__name__ for layer in layers if not isinstance(layer, Stack | RNN | LSTM | GRU)})
    if rough:
        raise UserError(
            f"trainer.precision {precision} would hold gates and states of {', '.join(rough)} in half precision; "
            f"{precision.replace('true', 'mixed')} keeps them in float32"
        )


def precision_here(precision: Any, accelerator: Any) -> Any:
    """Return what trainer.precision becomes where a processor has no products of bfloat16, and say so once.

    Mixed bfloat16 becomes float32; where weights themselves are to be of bfloat16, they are, slowly.

    Args:
        precision: As trainer.precision has it.
        accelerator: As trainer.accelerator has it.
    """
    others = (CUDAAccelerator, MPSAccelerator, XLAAccelerator)
    on_cpu = accelerator == "cpu" or (accelerator == "auto" and not any(one.is_available() for one in others))
    if not str(precision).startswith("bf16") or not on_cpu or has_fast_products(torch.bfloat16):
        return precision
    lacking = "this processor has no products of bfloat16"
    if precision == "bf16-true":
        rank_zero_log(f"{lacking}: with trainer.precision bf16-true it takes many times as long as with 32-true")
        return precision
    rank_zero_log(f"{lacking}: it computes in float32, not with trainer.precision {precision}")
    return "32-true"


def check_same_model(model: Any, held: dict[str, Any], checkpoint: str, advice: str) -> None:
    """Raise a UserError if the configuration describes another model than a checkpoint holds.

    Args:
        model: As the configuration describes it.
        held: What the checkpoint holds.
        checkpoint: Its path, for the error.
        advice: What to do instead, as the sentence ends.
    """
    before, now = held["model"], describe(model)
    keys = {**before["init_args"], **now["init_args"]}
    changed = [key for key in keys if before["init_args"].get(key) != now["init_args"].get(key)]
    if before["class_path"] != now["class_path"]:
        changed = ["its class"]
    if changed:
        raise UserError(
            f"{checkpoint} holds another model than the configuration describes (changed: {', '.join(changed)}); "
            f"{advice}"
        )
    try:
        check_weights(model, held["state_dict"])
    except UserError as error:
        raise UserError(f"{checkpoint} does not fit this model: {error}") from error


def check_same_processes(checkpoint: dict[str, Any], processes: int) -> None:
    """Raise a ValueError if the carried state of a language model belongs to another number of processes."""
    before = len(checkpoint.get("carried_state", ())) or processes
    if before != processes:
        raise UserError(
            f"the state of the streams was carried by {before} processes and cannot be by {processes}: "
            f"resume with as many devices as before"
        )
