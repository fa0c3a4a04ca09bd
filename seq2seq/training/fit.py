"""Training of one run: a new one, one that is resumed, or one that starts from the weights of a checkpoint."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from seq2seq import runs
from seq2seq.checkpoint import last_checkpoint
from seq2seq.data.vocabulary import find_data_state
from seq2seq.inference.checkpoint import read_trained_checkpoint
from seq2seq.standard_streams import rank_zero_log
from seq2seq.training.checkpoints import AtomicCheckpointIO
from seq2seq.training.metrics_log import logger_errors
from seq2seq.training.preflight import check_process_count, check_same_model
from seq2seq.training.resume_validation import validate_resume
from seq2seq.training.run_lock import run_lock
from seq2seq.training.run_summary import complete_run, peer_errors, resource_usage
from seq2seq.training.training_module import TrainingModule
from seq2seq.training.transfer import initialize_from_checkpoint

RUN_VARIABLE = "SEQ2SEQ_RUN"  # the run folder that the first process chose, for the processes that Lightning starts


def fit(
    trainer: pl.Trainer,
    model: TrainingModule,
    datamodule: Any,
    run: Path,
    config: str,
    *,
    resume: bool = False,
    checkpoint: str | None = None,
    init_from: str | None = None,
) -> None:
    """Train a model in the folder of a run, and mark the run as finished.

    Everything is checked before anything is written.

    Args:
        trainer: The trainer, with `AtomicCheckpointIO`.
        model: The model.
        datamodule: The data, with the tokenizers.
        run: Folder of the run.
        config: The configuration of the run, as text.
        resume: Whether the run exists and is continued from its last checkpoint.
        checkpoint: Another run's checkpoint to continue from.
        init_from: Checkpoint that has the initial weights, if no training is continued.

    Raises:
        UserError: if the checkpoint, the corpus or the folder of the run cannot be used.
    """
    is_first = is_first_process(trainer)
    is_new = not resume and RUN_VARIABLE not in os.environ and is_first
    with ExitStack() as stack:
        if resume:
            if is_first:
                stack.enter_context(run_lock(run))
            checkpoint = str(last_checkpoint(run))
        if checkpoint is not None:
            contents = read_resumable(checkpoint, trainer, model, datamodule)
            if 0 <= trainer.max_steps <= contents["global_step"]:
                if resume and is_first and not (run / runs.FINISHED).exists():
                    complete_run(run, contents)
                print(
                    f"{run} has already trained for {contents['global_step']:,} steps; "
                    f"give a larger --trainer.max_steps to continue"
                )
                return
            preload_checkpoint(trainer, checkpoint, contents)
            del contents  # Lightning frees the memory after restoring the states
        elif init_from is not None:
            initialize_from_checkpoint(model, datamodule.tokenizers, init_from)
        datamodule.train_dataloader()  # to report errors of the corpus before anything is written
        if trainer.limit_val_batches:
            datamodule.val_dataloader()
        if is_new:
            runs.create_run(run, config)
            stack.enter_context(run_lock(run))
        elif resume and is_first:
            runs.reopen_run(run, config)
        os.environ[RUN_VARIABLE] = str(run)
        rank_zero_log(f"run {run}")
        with logger_errors(run), peer_errors():
            trainer.fit(model, datamodule=datamodule, ckpt_path=checkpoint, weights_only=True)
        if trainer.is_global_zero:
            metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
            runs.mark_finished(run, {"steps": trainer.global_step, **metrics, **resource_usage(trainer)})
            print(f"finished {run} after {trainer.global_step:,} steps", flush=True)


def is_first_process(trainer: pl.Trainer) -> bool:
    """Whether this is the first of all processes; also correct before they are connected."""
    return trainer.node_rank == 0 and trainer.local_rank == 0


def read_resumable(path: str, trainer: pl.Trainer, model: TrainingModule, datamodule: Any) -> dict[str, Any]:
    """Return the contents of a checkpoint from which this training can continue, and restore the tokenizers."""
    contents = read_trained_checkpoint(path, mapped=False)  # training modifies the tensors and replaces the file
    datamodule.load_state_dict(find_data_state(contents))  # first, to report a changed vocabulary as such
    check_same_model(model, contents, path, "give --init-from to start a new training from its weights")
    validate_resume(contents, trainer, model, path)
    check_process_count(contents, trainer.num_devices * trainer.num_nodes)
    return contents


def preload_checkpoint(trainer: pl.Trainer, path: str, contents: dict[str, Any]) -> None:
    """Let the trainer restore these contents of a checkpoint instead of reading the file again."""
    checkpoint_io = trainer.strategy.checkpoint_io
    assert isinstance(checkpoint_io, AtomicCheckpointIO)
    checkpoint_io.preloaded[path] = contents
