"""What Lightning and torch refuse of options is one sentence; what is unknown keeps its traceback."""

import warnings
from pathlib import Path

import pytest
import torch
from experiments import LANGUAGE, seq2seq, write_config
from experiments import write_corpus as write
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import nn

from seq2seq.commands.library_errors import LIGHTNING, origin, refused_options, refused_training, sentence
from seq2seq.errors import UserError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("corpus"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--checkpoint.monitor=absent"], "could not find the monitored key"),
        (["--trainer.callbacks=EarlyStopping", "--trainer.callbacks.monitor=absent"], "Early stopping conditioned on"),
        (
            [
                "--lr_scheduler=pytorch_lightning.cli.ReduceLROnPlateau",
                "--lr_scheduler.monitor=absent",
                "--trainer.max_steps=20",
            ],
            "ReduceLROnPlateau conditioned on",
        ),
        (["--trainer.val_check_interval=9999", "--trainer.check_val_every_n_epoch=1"], "`val_check_interval` (9999)"),
        (["--trainer.limit_val_batches=0.0001"], "You requested to check 0.0001 of the `val_dataloader`"),
        (["--optimizer=SparseAdam"], "SparseAdam does not support dense gradients"),
        (["--trainer.callbacks=BackboneFinetuning"], "backbone"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)
def test_options_that_a_training_refuses_are_one_sentence(
    options: list[str], message: str, corpus: Path, tmp_path: Path
) -> None:
    config = write_config(tmp_path, LANGUAGE, corpus)
    told = seq2seq("fit", "--config", config, "--runs", tmp_path / "runs", *options)
    assert told.status == 1
    assert told.err.splitlines()[-1].startswith("seq2seq: ")
    assert message in told.err.splitlines()[-1]


def test_options_that_a_library_refuses_name_what_was_to_be_made() -> None:
    with pytest.raises(UserError, match=r"^trainer: .*toaster"), refused_options("trainer", LIGHTNING):
        Trainer(accelerator="toaster")
    with (
        pytest.raises(UserError, match=r"^optimizer: Invalid beta parameter at index 0: 1.5$"),
        refused_options("optimizer"),
    ):
        torch.optim.AdamW(nn.Linear(1, 1).parameters(), betas=(1.5, 0.9))
    with pytest.raises(UserError, match=r"^checkpoint: .*save_top_k"), refused_options("checkpoint"):
        ModelCheckpoint(save_top_k=-5)


def test_errors_of_the_operating_system_in_a_library_are_one_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"^training cannot go on: .*absent: No such file or directory$"),
        refused_training(),
    ):
        torch.load(tmp_path / "absent")


def test_errors_of_other_packages_stay_what_they_are() -> None:
    for context in (refused_options("trainer"), refused_training()):
        with pytest.raises(ZeroDivisionError), context:
            1 / 0  # noqa: B018
    with pytest.raises(RuntimeError, match=r"^mat1 and mat2"), refused_training():
        nn.Linear(2, 3)(torch.zeros(1, 5))
    with pytest.raises(ValueError, match=r"Invalid beta"), refused_options("trainer", LIGHTNING):
        torch.optim.AdamW(nn.Linear(1, 1).parameters(), betas=(1.5, 0.9))
    with pytest.raises(UserError, match=r"^as it was$"), refused_options("trainer"):
        raise UserError("as it was")


def test_who_raised_is_the_last_of_those_packages_on_the_way() -> None:
    with pytest.raises(RuntimeError) as raised:
        nn.Linear(2, 3)(torch.zeros(1, 5))
    assert origin(raised.value.__traceback__) == "torch"
    assert origin(None) == ""


def test_a_sentence_is_one_line_that_is_not_too_long() -> None:
    assert sentence(ValueError("one\n two.")) == "one two"
    assert sentence(ValueError()) == "ValueError"
    assert len(sentence(ValueError("x" * 9999))) == 303


def test_a_training_in_half_precision_validates(corpus: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path, LANGUAGE, corpus)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told = seq2seq("fit", "--config", config, "--runs", tmp_path, "--trainer.precision", "bf16-true")
    assert told.status == 0, told.err
    assert "val loss" in told.out
    assert "nan" not in told.out + told.err
