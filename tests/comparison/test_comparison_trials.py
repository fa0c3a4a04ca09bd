"""A trial is finished once its run says so, also if it was stopped behind its last step."""

import json
import math
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from experiments import LANGUAGE, seq2seq, write_config

from seq2seq.comparison import trials
from seq2seq.comparison.compare import measured
from seq2seq.comparison.plan import Plan, Settings, Variant
from seq2seq.comparison.results import Trial, trial_of
from seq2seq.comparison.trials import Child, Outcome, trial
from seq2seq.training import runs
from seq2seq.training.throughput import ThroughputMonitor


def stop_in_step(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a signal come in this step of every training, if it is trained."""
    start = ThroughputMonitor.on_train_batch_start

    def stop(self: ThroughputMonitor, trainer: Any, module: Any, batch: Any, index: int) -> None:
        start(self, trainer, module, batch, index)
        if trainer.global_step + 1 == number:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(ThroughputMonitor, "on_train_batch_start", stop)


@pytest.mark.parametrize("every", [2, 100], ids=["validated at the last step", "never validated"])
def test_a_run_that_is_stopped_behind_its_last_step_is_finished_by_resuming(
    compared_texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    config = write_config(tmp_path, LANGUAGE, compared_texts)
    given = ("fit", "--config", config, "--name", "x-1", "--runs", tmp_path / "runs")
    given = (*given, "--trainer.val_check_interval", str(every))
    stop_in_step(6, monkeypatch)
    assert seq2seq(*given).status == 128 + signal.SIGTERM
    run = tmp_path / "runs" / "x-1" / "1"
    assert not (run / "finished.json").exists()

    told = seq2seq(*given, "--resume")
    assert told.status == 0, told.err
    held = json.loads((run / "finished.json").read_text(encoding="utf-8"))
    assert held["steps"] == 6
    assert held["seconds"] > 0
    assert (run / "checkpoints" / "best.ckpt").exists()
    found = trial_of(1, Outcome("finished"), tmp_path, "x-1", "val_loss")
    assert found.tokens == held["tokens"] > 0
    assert math.isnan(found.peak_memory)
    runs.finish(run, {**held, "peak_memory": math.nan})  # as where a system does not tell it
    assert math.isnan(trial_of(1, Outcome("finished"), tmp_path, "x-1", "val_loss").peak_memory)
    if every == 2:
        assert held["val_loss"] == found.curve[-1].value
        assert [point.step for point in found.curve] == [2, 4, 6]
        assert found.outcome.status == "finished"


def tried(folder: Path, monkeypatch: pytest.MonkeyPatch, finishes: bool) -> tuple[Outcome, list[Sequence[str]]]:
    """How a trial ends whose training says that it finished, and with what it was called."""
    calls: list[Sequence[str]] = []

    def fit(child: Child, arguments: Sequence[str], log: Path, look: Callable[[str], object]) -> Outcome:
        calls.append(arguments)
        run = folder / "runs" / "x-1" / "1"
        run.mkdir(parents=True, exist_ok=True)
        if finishes:
            (run / "finished.json").write_text("{}")
        return Outcome("finished")

    monkeypatch.setattr(trials, "fit", fit)
    return trial(Child(), folder / "config.yaml", 1, "x-1", folder, lambda line: None), calls


def test_what_has_left_no_numbers_is_trained_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended, _ = tried(tmp_path, monkeypatch, finishes=False)
    assert ended == Outcome("failed", None, "it ended without finished.json")
    (tmp_path / "trials" / "x-1.json").write_text(json.dumps(Outcome("finished")._asdict()))
    (tmp_path / "runs" / "x-1" / "1" / "half").write_text("")
    ended, calls = tried(tmp_path, monkeypatch, finishes=True)
    assert ended == Outcome("finished")
    assert len(calls) == 1
    assert "--resume" not in calls[0]
    assert not (tmp_path / "runs" / "x-1" / "1" / "half").exists()
    assert tried(tmp_path, monkeypatch, finishes=True) == (Outcome("finished"), [])


def test_a_lost_checkpoint_costs_only_the_measure_of_generation(tmp_path: Path) -> None:
    (tmp_path / "runs" / "x-1" / "1").mkdir(parents=True)
    variant = Variant("x", "x", "x, 1 x 8", 8, 100, {}, 8)
    config = {"trainer": {"accelerator": "cpu"}}
    plan = Plan(Settings(config, ["x"], "tokens", 1, None, 8, None, False), [variant])
    numbers, note = measured(plan, variant, [Trial(1, Outcome("finished"), 1.0, 1.0, 1.0, 1.0, [])], tmp_path)
    assert numbers == []
    assert "without checkpoints/best.ckpt" in note
