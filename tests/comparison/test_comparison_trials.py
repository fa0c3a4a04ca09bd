"""Tests of running, stopping and resuming trials."""

import json
import math
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from experiments import LANGUAGE, seq2seq, write_config

from seq2seq import runs
from seq2seq.comparison.compare import load_or_measure_generation
from seq2seq.comparison.plan import Plan, Settings, Variant
from seq2seq.comparison.results import Trial, load_trial
from seq2seq.comparison.trials import Outcome, TrainingProcess, run_trial
from seq2seq.training.throughput import ThroughputMonitor


def send_sigterm_in_step(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send SIGTERM in this step of every training."""
    original = ThroughputMonitor.on_train_batch_start

    def patched(self: ThroughputMonitor, trainer: Any, module: Any, batch: Any, index: int) -> None:
        original(self, trainer, module, batch, index)
        if trainer.global_step + 1 == number:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(ThroughputMonitor, "on_train_batch_start", patched)


@pytest.mark.parametrize("every", [2, 100], ids=["validated at the last step", "never validated"])
def test_run_stopped_after_its_last_step_is_finished_by_resuming(
    comparison_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    config = write_config(tmp_path, LANGUAGE, comparison_corpus)
    arguments = ("fit", "--config", config, "--name", "x-1", "--runs", tmp_path / "runs")
    arguments = (*arguments, "--trainer.val_check_interval", str(every))
    send_sigterm_in_step(6, monkeypatch)
    assert seq2seq(*arguments).status == 128 + signal.SIGTERM
    run = tmp_path / "runs" / "x-1" / "1"
    assert not (run / "finished.json").exists()

    command = seq2seq(*arguments, "--resume")
    assert command.status == 0, command.err
    summary = json.loads((run / "finished.json").read_text(encoding="utf-8"))
    assert summary["steps"] == 6
    assert summary["seconds"] > 0
    assert (run / "checkpoints" / "best.ckpt").exists()
    loaded = load_trial(1, Outcome("finished"), tmp_path, "x-1", "val_loss")
    assert loaded.tokens == summary["tokens"] > 0
    assert math.isnan(loaded.peak_memory)
    runs.mark_finished(run, {**summary, "peak_memory": math.nan})  # as on systems that do not report it
    assert math.isnan(load_trial(1, Outcome("finished"), tmp_path, "x-1", "val_loss").peak_memory)
    if every == 2:
        assert summary["val_loss"] == loaded.curve[-1].value
        assert [point.step for point in loaded.curve] == [2, 4, 6]
        assert loaded.outcome.status == "finished"


def run_fake_trial(
    folder: Path, monkeypatch: pytest.MonkeyPatch, finishes: bool
) -> tuple[Outcome, list[dict[str, Any]]]:
    """Run a trial with a replaced `fit`; return its outcome and the options of every call."""
    calls: list[dict[str, Any]] = []

    def fit(
        training: TrainingProcess, options: dict[str, Any], log: Path, on_progress: Callable[[str], object]
    ) -> Outcome:
        calls.append(options)
        run = folder / "runs" / "x-1" / "1"
        run.mkdir(parents=True, exist_ok=True)
        if finishes:
            (run / "finished.json").write_text("{}")
        return Outcome("finished")

    monkeypatch.setattr(TrainingProcess, "fit", fit)
    return run_trial(TrainingProcess(), folder / "config.yaml", 1, "x-1", folder, lambda line: None), calls


def test_trial_without_summary_is_trained_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, _ = run_fake_trial(tmp_path, monkeypatch, finishes=False)
    assert outcome == Outcome("failed", None, "ended without finished.json")
    (tmp_path / "trials" / "x-1.json").write_text(json.dumps(Outcome("finished")._asdict()))
    (tmp_path / "runs" / "x-1" / "1" / "half").write_text("")
    outcome, calls = run_fake_trial(tmp_path, monkeypatch, finishes=True)
    assert outcome == Outcome("finished")
    assert len(calls) == 1
    assert "--resume" not in calls[0]
    assert not (tmp_path / "runs" / "x-1" / "1" / "half").exists()
    assert run_fake_trial(tmp_path, monkeypatch, finishes=True) == (Outcome("finished"), [])


def test_lost_checkpoint_only_prevents_measuring_generation(tmp_path: Path) -> None:
    (tmp_path / "runs" / "x-1" / "1").mkdir(parents=True)
    variant = Variant("x", "x", "x, 1 x 8", 8, 100, {"model": {"class_path": "seq2seq.LanguageModel"}, "data": {}}, 8)
    config = {"trainer": {"accelerator": "cpu"}}
    plan = Plan(Settings(config, ["x"], "tokens", 1, None, 8, None, False), [variant])
    costs, note = load_or_measure_generation(
        plan, variant, [Trial(1, Outcome("finished"), 1.0, 1.0, 1.0, 1.0, [])], tmp_path
    )
    assert costs == []
    assert "contains no checkpoints/best.ckpt" in note
