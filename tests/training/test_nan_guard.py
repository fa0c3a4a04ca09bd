"""A NaN or infinite loss or weight stops training and is never saved in a checkpoint."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from experiments import LANGUAGE, CommandResult, checkpoint, seq2seq, write_config

from seq2seq.training import NanGuard, ThroughputMonitor
from seq2seq.training.language_model import LanguageModel


def fit(tmp_path: Path, corpus: Path, *options: str) -> CommandResult:
    config = write_config(tmp_path, LANGUAGE, corpus)
    return seq2seq("fit", "--config", config, "--runs", tmp_path, "--keep.every_n_steps", "1", *options)


def assert_all_finite(run: Path) -> None:
    files = list((run / "checkpoints").glob("*.ckpt"))
    assert files
    for path in files:
        assert all(weight.isfinite().all() for weight in torch.load(path, weights_only=True)["state_dict"].values())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_loss_reports_the_step_and_the_last_good_checkpoint(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    original = LanguageModel.training_step

    def training_step(self: LanguageModel, batch: Any) -> torch.Tensor:
        loss = original(self, batch)
        return loss * value if self.trainer.global_step == 3 else loss

    monkeypatch.setattr(LanguageModel, "training_step", training_step)
    result = fit(tmp_path, corpus)
    run = tmp_path / "config" / "1"
    assert result.status == 1
    (line,) = [line for line in result.err.splitlines() if line.startswith("seq2seq: ")]
    assert re.search(rf"not a finite number at step 4, .* last good checkpoint is {run}/checkpoints/last\.ckpt", line)
    assert checkpoint(run)["global_step"] == 3
    assert_all_finite(run)


def test_nan_loss_before_the_first_checkpoint(tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LanguageModel, "training_step", lambda self, batch: self.embedding.weight.sum() * torch.nan)
    result = fit(tmp_path, corpus)
    assert result.status == 1
    assert "at step 1, so training stopped; no checkpoint was written yet" in result.err


def test_infinite_weights_are_not_saved(tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = ThroughputMonitor.on_train_batch_end

    def overflow(self: ThroughputMonitor, trainer: Any, module: Any, *rest: Any) -> None:
        original(self, trainer, module, *rest)
        if trainer.global_step == 3:
            module.embedding.weight.data[2, 2] = torch.inf

    monkeypatch.setattr(ThroughputMonitor, "on_train_batch_end", overflow)
    result = fit(tmp_path, corpus)
    run = tmp_path / "config" / "1"
    assert result.status == 1
    assert f"not a finite number after step 3, so training stopped; the last good checkpoint is {run}" in result.err
    assert checkpoint(run)["global_step"] == 2
    assert_all_finite(run)


def test_loss_on_a_gpu_is_checked_only_in_logging_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[int] = []
    strategy = SimpleNamespace(reduce_boolean_decision=lambda finite, **_: not checks.append(1))
    loss = torch.empty((), device="meta")
    monkeypatch.setattr(torch, "isfinite", lambda loss: True)
    for logged in (False, True, False):
        connector = SimpleNamespace(should_update_logs=logged)
        trainer: Any = SimpleNamespace(strategy=strategy, _logger_connector=connector, global_step=1)
        NanGuard().on_before_backward(trainer, None, loss)  # type: ignore[arg-type]
    assert checks == [1]
