"""A loss or a weight that is not a number ends the training and reaches no checkpoint."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from experiments import LANGUAGE, Told, checkpoint, seq2seq, write_config

from seq2seq.models import LanguageModel
from seq2seq.training import NanGuard, ThroughputMonitor


def fit(tmp_path: Path, texts: Path, *options: str) -> Told:
    config = write_config(tmp_path, LANGUAGE, texts)
    return seq2seq("fit", "--config", config, "--runs", tmp_path, "--keep.every_n_steps", "1", *options)


def assert_all_finite(run: Path) -> None:
    files = list((run / "checkpoints").glob("*.ckpt"))
    assert files
    for path in files:
        assert all(weight.isfinite().all() for weight in torch.load(path, weights_only=True)["state_dict"].values())


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_names_the_step_and_the_last_good_checkpoint(
    tmp_path: Path, texts: Path, monkeypatch: pytest.MonkeyPatch, wrong: float
) -> None:
    usual = LanguageModel.training_step

    def training_step(self: LanguageModel, batch: Any) -> torch.Tensor:
        loss = usual(self, batch)
        return loss * wrong if self.trainer.global_step == 3 else loss

    monkeypatch.setattr(LanguageModel, "training_step", training_step)
    told = fit(tmp_path, texts)
    run = tmp_path / "config" / "1"
    assert told.status == 1
    (line,) = [line for line in told.err.splitlines() if line.startswith("seq2seq: ")]
    assert re.search(rf"not a finite number at step 4, .* last good checkpoint is {run}/checkpoints/last\.ckpt", line)
    assert checkpoint(run)["global_step"] == 3
    assert_all_finite(run)


def test_without_a_checkpoint_that_is_said(tmp_path: Path, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LanguageModel, "training_step", lambda self, batch: self.embedding.weight.sum() * torch.nan)
    told = fit(tmp_path, texts)
    assert told.status == 1
    assert "at step 1, so training stopped; no checkpoint was written yet" in told.err


def test_weights_that_overflow_are_not_written(tmp_path: Path, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = ThroughputMonitor.on_train_batch_end

    def overflow(self: ThroughputMonitor, trainer: Any, module: Any, *rest: Any) -> None:
        usual(self, trainer, module, *rest)
        if trainer.global_step == 3:
            module.embedding.weight.data[2, 2] = torch.inf

    monkeypatch.setattr(ThroughputMonitor, "on_train_batch_end", overflow)
    told = fit(tmp_path, texts)
    run = tmp_path / "config" / "1"
    assert told.status == 1
    assert f"not a finite number after step 3, so training stopped; the last good checkpoint is {run}" in told.err
    assert checkpoint(run)["global_step"] == 2
    assert_all_finite(run)


def test_a_gpu_is_asked_only_in_steps_that_are_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    strategy = SimpleNamespace(reduce_boolean_decision=lambda finite, **_: not asked.append(1))
    loss = torch.empty((), device="meta")
    monkeypatch.setattr(torch, "isfinite", lambda loss: True)
    for logged in (False, True, False):
        connector = SimpleNamespace(should_update_logs=logged)
        trainer: Any = SimpleNamespace(strategy=strategy, _logger_connector=connector, global_step=1)
        NanGuard().on_before_backward(trainer, None, loss)  # type: ignore[arg-type]
    assert asked == [1]
