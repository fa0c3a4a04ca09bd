"""The log says how fast training goes and how steep its way is."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from experiments import LANGUAGE, metrics, seq2seq, write_config

from seq2seq.training import ThroughputMonitor, speed


def test_the_norm_of_a_step_is_that_before_clipping_in_the_row_of_that_step(
    tmp_path: Path, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    norms: list[float] = []
    clip = torch.nn.utils.clip_grad_norm_

    def noted(*arguments: Any, **options: Any) -> torch.Tensor:
        norms.append(float(norm := clip(*arguments, **options)))
        return norm

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", noted)
    config = write_config(tmp_path, LANGUAGE, texts)
    options = ("--trainer.gradient_clip_val", "0.01", "--trainer.accumulate_grad_batches", "2")
    assert seq2seq("fit", "--config", config, "--runs", tmp_path, *options).status == 0
    rows = [row for row in metrics(tmp_path / "config" / "1") if "gradient_norm" in row]
    assert len(norms) == 6
    assert min(norms) > 0.01
    assert {int(row["step"]): row["gradient_norm"] for row in rows} == pytest.approx({n: norms[n] for n in (1, 3, 5)})
    assert all(row["tokens_per_second"] > 0 for row in rows)


def test_waiting_for_batches_counts_and_validation_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 2.0, 6.0, 100.0, 101.0])
    monkeypatch.setattr(speed, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    logged = {}
    module: Any = SimpleNamespace(log=logged.__setitem__)
    trainer: Any = SimpleNamespace(_logger_connector=SimpleNamespace(should_update_logs=False))
    batch = SimpleNamespace(tokens=10)
    counted = ThroughputMonitor()
    counted.on_train_batch_start(trainer, module, batch, 0)  # at 0
    counted.on_train_batch_end(trainer, module, None, batch, 0)  # at 2
    counted.on_train_batch_start(trainer, module, batch, 1)
    counted.on_train_batch_end(trainer, module, None, batch, 1)  # at 6, most of which was waiting
    counted.on_validation_start(trainer, module)
    counted.on_train_batch_start(trainer, module, batch, 2)  # at 100
    assert not logged
    trainer._logger_connector.should_update_logs = True
    counted.on_train_batch_end(trainer, module, None, batch, 2)  # at 101
    assert logged == {"tokens_per_second": pytest.approx(30 / 7), "tokens": 30.0, "seconds": 7.0}


def test_a_run_that_goes_on_counts_on() -> None:
    before = ThroughputMonitor()
    before.all_tokens, before.all_seconds = 1000, 2.5
    after = ThroughputMonitor()
    after.load_state_dict(before.state_dict())
    assert (after.all_tokens, after.all_seconds) == (1000, 2.5)


def test_every_validation_says_how_many_tokens_were_trained_on(tmp_path: Path, texts: Path) -> None:
    """Also of a run that was stopped, whose first half is in the log before."""
    config = write_config(tmp_path, LANGUAGE, texts)
    given = ("--config", config, "--runs", tmp_path)
    assert seq2seq("fit", *given, "--name", "whole").status == 0
    assert seq2seq("fit", *given, "--name", "parts", "--trainer.max_steps", "4").status == 0
    assert seq2seq("fit", *given, "--name", "parts", "--trainer.max_steps", "6", "--resume").status == 0

    def tokens(run: Path) -> list[float]:
        return [row["tokens"] for row in metrics(run) if "val_loss" in row]

    whole, parts = tokens(tmp_path / "whole" / "1"), tokens(tmp_path / "parts" / "1")
    assert len(whole) == 3
    assert whole == sorted(set(whole))
    assert parts == whole
    finished = [json.loads((tmp_path / name / "1" / "finished.json").read_text()) for name in ("whole", "parts")]
    assert finished[0]["tokens"] == finished[1]["tokens"] == whole[-1]
    assert all(held["seconds"] > 0 for held in finished)
    assert all(held["peak_memory"] > 1e7 for held in finished)
