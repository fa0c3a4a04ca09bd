"""Errors of Lightning and torch that options cause are one line; other errors keep their traceback."""

import warnings
from pathlib import Path

import pytest
import torch
from experiments import LANGUAGE, seq2seq, write_config
from experiments import write_corpus as write
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn

from seq2seq.commands.library_errors import LIGHTNING, one_line, option_errors, raising_package, training_errors
from seq2seq.errors import UserError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("corpus"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--checkpoint.monitor=gradient_norm", "--trainer.log_every_n_steps=99"],  # never logged
            "could not find the monitored key",
        ),
        (
            [
                "--trainer.callbacks=EarlyStopping",
                "--trainer.callbacks.monitor=gradient_norm",
                "--trainer.log_every_n_steps=99",
            ],
            "Early stopping conditioned on",
        ),
        (
            [
                "--lr_scheduler=pytorch_lightning.cli.ReduceLROnPlateau",
                "--lr_scheduler.monitor=gradient_norm",
                "--trainer.log_every_n_steps=99",
                "--trainer.max_steps=20",
            ],
            "ReduceLROnPlateau conditioned on",
        ),
        (
            [
                "--lr_scheduler=OneCycleLR",
                "--lr_scheduler.max_lr=0.1",
                "--lr_scheduler.total_steps=1",
                "--trainer.max_steps=-1",
                "--trainer.max_epochs=1",
            ],
            "Tried to step 2 times. The specified number of total steps is 1",
        ),
        (["--trainer.val_check_interval=9999", "--trainer.check_val_every_n_epoch=1"], "`val_check_interval` (9999)"),
        (["--trainer.limit_val_batches=0.0001"], "You requested to check 0.0001 of the `val_dataloader`"),
        (["--optimizer=SparseAdam"], "SparseAdam does not support dense gradients"),
        (["--trainer.callbacks=BackboneFinetuning"], "backbone"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)
def test_options_rejected_during_training_are_one_line_errors(
    options: list[str], message: str, corpus: Path, tmp_path: Path
) -> None:
    config = write_config(tmp_path, LANGUAGE, corpus)
    result = seq2seq("fit", "--config", config, "--runs", tmp_path / "runs", *options)
    assert result.status == 1
    assert result.err.splitlines()[-1].startswith("seq2seq: ")
    assert message in result.err.splitlines()[-1]


def test_options_rejected_by_a_library_name_the_option() -> None:
    with pytest.raises(UserError, match=r"^trainer: .*toaster"), option_errors("trainer", LIGHTNING):
        Trainer(accelerator="toaster")
    with (
        pytest.raises(UserError, match=r"^optimizer: Invalid beta parameter at index 0: 1.5$"),
        option_errors("optimizer"),
    ):
        torch.optim.AdamW(nn.Linear(1, 1).parameters(), betas=(1.5, 0.9))
    with pytest.raises(UserError, match=r"^checkpoint: .*save_top_k"), option_errors("checkpoint"):
        ModelCheckpoint(save_top_k=-5)


def test_os_error_in_a_library_is_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"^training failed: .*absent: No such file or directory$"),
        training_errors(),
    ):
        torch.load(tmp_path / "absent")


def test_other_errors_are_unchanged() -> None:
    for context in (option_errors("trainer"), training_errors()):
        with pytest.raises(ZeroDivisionError), context:
            1 / 0  # noqa: B018
    with pytest.raises(RuntimeError, match=r"^mat1 and mat2"), training_errors():
        nn.Linear(2, 3)(torch.zeros(1, 5))
    with pytest.raises(ValueError, match=r"Invalid beta"), option_errors("trainer", LIGHTNING):
        torch.optim.AdamW(nn.Linear(1, 1).parameters(), betas=(1.5, 0.9))
    with pytest.raises(UserError, match=r"^as it was$"), option_errors("trainer"):
        raise UserError("as it was")


def test_raising_package_is_the_innermost_known_package() -> None:
    with pytest.raises(RuntimeError) as raised:
        nn.Linear(2, 3)(torch.zeros(1, 5))
    assert raising_package(raised.value.__traceback__) == "torch"
    assert raising_package(None) == ""


def test_one_line_shortens_messages() -> None:
    assert one_line(ValueError("one\n two.")) == "one two"
    assert one_line(ValueError()) == "ValueError"
    assert len(one_line(ValueError("x" * 9999))) == 303


def test_training_in_bf16_true_validates(corpus: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path, LANGUAGE, corpus)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = seq2seq("fit", "--config", config, "--runs", tmp_path, "--trainer.precision", "bf16-true")
    assert result.status == 0, result.err
    assert "val loss" in result.out
    assert "nan" not in result.out + result.err
