"""Throughput and gradient norm are logged."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from experiments import LANGUAGE, metrics, seq2seq, write_config

from seq2seq.training import ThroughputMonitor, throughput


def test_gradient_norm_is_logged_before_clipping(tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    norms: list[float] = []
    clip = torch.nn.utils.clip_grad_norm_

    def record(*arguments: Any, **options: Any) -> torch.Tensor:
        norms.append(float(norm := clip(*arguments, **options)))
        return norm

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", record)
    config = write_config(tmp_path, LANGUAGE, corpus)
    options = ("--trainer.gradient_clip_val", "0.01", "--trainer.accumulate_grad_batches", "2")
    assert seq2seq("fit", "--config", config, "--runs", tmp_path, *options).status == 0
    rows = [row for row in metrics(tmp_path / "config" / "1") if "gradient_norm" in row]
    assert len(norms) == 6
    assert min(norms) > 0.01
    assert {int(row["step"]): row["gradient_norm"] for row in rows} == pytest.approx({n: norms[n] for n in (1, 3, 5)})
    assert all(row["tokens_per_second"] > 0 for row in rows)


def test_seconds_include_waiting_for_batches_but_not_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 2.0, 6.0, 100.0, 101.0])
    monkeypatch.setattr(throughput, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    logged = {}
    module: Any = SimpleNamespace(log=logged.__setitem__)
    trainer: Any = SimpleNamespace(_logger_connector=SimpleNamespace(should_update_logs=False))
    batch = SimpleNamespace(tokens=10)
    monitor = ThroughputMonitor()
    monitor.on_train_batch_start(trainer, module, batch, 0)  # at 0
    monitor.on_train_batch_end(trainer, module, None, batch, 0)  # at 2
    monitor.on_train_batch_start(trainer, module, batch, 1)
    monitor.on_train_batch_end(trainer, module, None, batch, 1)  # at 6, most of which was waiting
    monitor.on_validation_start(trainer, module)
    monitor.on_train_batch_start(trainer, module, batch, 2)  # at 100
    assert not logged
    trainer._logger_connector.should_update_logs = True
    monitor.on_train_batch_end(trainer, module, None, batch, 2)  # at 101
    assert logged == {"tokens_per_second": pytest.approx(30 / 7), "tokens": 30.0, "seconds": 7.0}


def test_resume_restores_token_and_time_totals() -> None:
    saved = ThroughputMonitor()
    saved.total_tokens, saved.total_seconds = 1000, 2.5
    restored = ThroughputMonitor()
    restored.load_state_dict(saved.state_dict())
    assert (restored.total_tokens, restored.total_seconds) == (1000, 2.5)


def test_validation_rows_have_the_total_tokens(tmp_path: Path, corpus: Path) -> None:
    """Also for a resumed run, whose first half is in an earlier log."""
    config = write_config(tmp_path, LANGUAGE, corpus)
    options = ("--config", config, "--runs", tmp_path)
    assert seq2seq("fit", *options, "--name", "whole").status == 0
    assert seq2seq("fit", *options, "--name", "parts", "--trainer.max_steps", "4").status == 0
    assert seq2seq("fit", *options, "--name", "parts", "--trainer.max_steps", "6", "--resume").status == 0

    def tokens(run: Path) -> list[float]:
        return [row["tokens"] for row in metrics(run) if "val_loss" in row]

    uninterrupted, resumed = tokens(tmp_path / "whole" / "1"), tokens(tmp_path / "parts" / "1")
    assert len(uninterrupted) == 3
    assert uninterrupted == sorted(set(uninterrupted))
    assert resumed == uninterrupted
    summaries = [json.loads((tmp_path / name / "1" / "finished.json").read_text()) for name in ("whole", "parts")]
    assert summaries[0]["tokens"] == summaries[1]["tokens"] == uninterrupted[-1]
    assert all(summary["seconds"] > 0 for summary in summaries)
    assert all(summary["peak_memory"] > 1e7 for summary in summaries)
