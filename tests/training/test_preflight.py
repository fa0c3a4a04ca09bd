"""Invalid options are reported before anything is written."""

from pathlib import Path

import pytest
from experiments import LANGUAGE, seq2seq, write_config
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint
from torch.optim.lr_scheduler import OneCycleLR

from seq2seq.commands.library_ranges import option_ranges
from seq2seq.errors import UserError
from seq2seq.ranges import out_of_range
from seq2seq.recurrence import LSTM, Mamba
from seq2seq.training.language_model import LanguageModel
from seq2seq.training.preflight import check_checkpoint_filename, check_monitors, check_precision
from seq2seq.training.validation_metrics import TranslationMetrics


def test_half_precision_is_refused_for_other_than_fused_layers(tmp_path: Path, corpus: Path) -> None:
    config = write_config(tmp_path, LANGUAGE, corpus)
    options = ("--model.layer", "MinGRU", "--trainer.precision", "bf16-true")
    result = seq2seq("fit", "--config", config, "--runs", tmp_path / "runs", *options)
    assert result.status == 1
    assert "bf16-true would hold gates and states of MinGRU in half precision; bf16-mixed keeps them" in result.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true", "64-true", None])
def test_other_precisions_are_accepted(precision: str | None) -> None:
    check_precision(LanguageModel(9, layer=Mamba, size=8), precision)
    check_precision(LanguageModel(9, layer=LSTM, size=8), "bf16-true")


@pytest.mark.parametrize(
    ("options", "owner"),
    [
        (["--checkpoint.monitor=absent"], "ModelCheckpoint"),
        (["--trainer.callbacks=EarlyStopping", "--trainer.callbacks.monitor=absent"], "EarlyStopping"),
        (["--trainer.callbacks=EarlyStopping", "--trainer.callbacks.monitor=step"], "EarlyStopping"),
        (["--lr_scheduler=pytorch_lightning.cli.ReduceLROnPlateau", "--lr_scheduler.monitor=absent"], "lr_scheduler"),
        (["--checkpoint.monitor=lr-AdamW"], "ModelCheckpoint"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)
def test_monitor_of_an_unknown_metric_is_refused(options: list[str], owner: str, tmp_path: Path, corpus: Path) -> None:
    config = write_config(tmp_path, LANGUAGE, corpus)
    result = seq2seq("fit", "--config", config, "--runs", tmp_path / "runs", *options)
    assert result.status == 1
    metric = options[-1].rpartition("=")[2]
    expected = f"seq2seq: {owner} monitors {metric}, which is not logged; it can monitor one of train_loss, val_loss, "
    assert result.err.splitlines()[-1].startswith(expected)
    assert not (tmp_path / "runs").exists()


class LoggingCallback(Callback):
    """A callback of a user, which may log any metric."""


def test_monitor_of_a_logged_metric_is_accepted() -> None:
    model = LanguageModel(9, size=8)
    for metric in ("train_loss", "val_loss", "tokens_per_second", "gradient_norm", "tokens", "seconds"):
        check_monitors([EarlyStopping(metric), ModelCheckpoint(monitor=metric)], model, None)
    stopping = EarlyStopping("val_bleu", mode="max")
    check_monitors([ModelCheckpoint(monitor="step"), stopping, TranslationMetrics()], model, None)
    assert TranslationMetrics(["wer", "bleu", "wer"]).logged == ["val_wer", "val_bleu"]
    wer = ModelCheckpoint(monitor="val_wer", mode="min")
    check_monitors([wer, stopping, TranslationMetrics(["wer", "bleu"])], model, None)
    check_monitors([ModelCheckpoint(monitor="lr-AdamW"), LearningRateMonitor()], model, None)
    check_monitors([ModelCheckpoint(monitor="mine"), LoggingCallback()], model, None)
    check_monitors([ModelCheckpoint(monitor=None)], model, None)


def test_monitor_of_a_metric_that_is_not_computed_is_refused() -> None:
    model = LanguageModel(9, size=8)
    expected = "val_wer is monitored but not computed: add TranslationMetrics .* with wer among its metrics"
    for callbacks in ([], [TranslationMetrics()]):
        with pytest.raises(UserError, match=expected):
            check_monitors([EarlyStopping("val_wer"), *callbacks], model, None)


@pytest.mark.parametrize(("metric", "mode"), [("val_bleu", "min"), ("val_accuracy", "min"), ("val_wer", "max")])
def test_monitor_with_the_wrong_mode_is_refused(metric: str, mode: str) -> None:
    callbacks = [TranslationMetrics(["bleu", "accuracy", "wer"]), ModelCheckpoint(monitor=metric, mode=mode)]
    right = {"min": "max", "max": "min"}[mode]
    with pytest.raises(UserError, match=f"ModelCheckpoint monitors {metric} with mode {mode}, and its mode is {right}"):
        check_monitors(callbacks, LanguageModel(9, size=8), None)


def test_one_cycle_schedule_must_be_as_long_as_the_training(tmp_path: Path, corpus: Path) -> None:
    config = write_config(tmp_path, LANGUAGE, corpus)
    schedule = ("--lr_scheduler=OneCycleLR", "--lr_scheduler.max_lr=0.1")
    for length in (["--lr_scheduler.total_steps=5"], ["--lr_scheduler.epochs=5", "--lr_scheduler.steps_per_epoch=1"]):
        result = seq2seq("fit", "--config", config, "--runs", tmp_path / "runs", *schedule, *length)
        assert result.status == 1
        assert result.err == (
            "seq2seq: OneCycleLR ends after 5 steps, and trainer.max_steps is 6: "
            "its total_steps must be at least as large\n"
        )
    assert not (tmp_path / "runs").exists()


def test_one_cycle_schedule_needs_steps_after_its_peak() -> None:
    assert not list(out_of_range(option_ranges(OneCycleLR), {"pct_start": 0.99}))
    assert list(out_of_range(option_ranges(OneCycleLR), {"pct_start": 1.0}))  # its last step would divide by zero


@pytest.mark.parametrize(
    "filename",
    [
        "{", "}", "{}", "{0}", "{{epoch}}", "{epoch", "{epoch:x.y}", "last{step:.0s}", "{epoch:9999999999d}",
        "{val_loss:.21f}", "{epoch:/>9d}", "{epoch:c}", "{epoch!r}", "{val_loss:d}", "{epoch:{step}}", "x" * 201,
        "{step:" + "9" * 5000 + "d}",
    ],
)  # fmt: skip
def test_checkpoint_filename_that_cannot_be_formatted_is_refused(filename: str) -> None:
    with pytest.raises(UserError, match="must be a file name of at most 200 bytes with fields such as") as raised:
        check_checkpoint_filename(filename)
    assert filename[:40] in str(raised.value)


@pytest.mark.parametrize(
    "filename",
    ["{epoch}-{step}", "{step:06d}", "{epoch:02d}-{val_loss:.3f}", "a/{val_bleu:5.1f}", "{lr-AdamW:.2e}", "{step:,}"],
)
def test_checkpoint_filename_with_fields_is_accepted(filename: str) -> None:
    check_checkpoint_filename(filename)


@pytest.mark.parametrize(
    "options",
    [
        ["--checkpoint.filename={epoch:x.y}"],
        ["--trainer.callbacks=ModelCheckpoint", "--trainer.callbacks.filename={epoch:x.y}"],
    ],
    ids=["checkpoint", "callback"],
)
def test_checkpoint_filename_is_checked_before_the_run_is_made(
    options: list[str], tmp_path: Path, corpus: Path
) -> None:
    config = write_config(tmp_path, LANGUAGE, corpus)
    result = seq2seq("fit", "--config", config, "--runs", tmp_path / "runs", *options)
    assert result.status == 1
    assert "of at most 20 characters, and {epoch:x.y} was given" in result.err.splitlines()[-1]
    assert not (tmp_path / "runs").exists()
