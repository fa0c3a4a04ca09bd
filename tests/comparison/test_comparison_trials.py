"""Tests of running, stopping and resuming trials."""

import json
import math
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from experiments import LANGUAGE, seq2seq, write_config
from hypothesis import given
from hypothesis import strategies as st

from seq2seq import runs
from seq2seq.comparison import compare, generation, trials
from seq2seq.comparison.generation import generation_costs
from seq2seq.comparison.plan import Plan, Settings, Variant
from seq2seq.comparison.trials import Outcome, Trial, run_trial, steps_within
from seq2seq.training.fit import RUN_VARIABLE
from seq2seq.training.metrics_log import CurvePoint
from seq2seq.training.throughput import ThroughputMonitor

CONFIG = {"model": {"class_path": "seq2seq.LanguageModel"}, "data": {}, "trainer": {"accelerator": "cpu"}}
VARIANT = Variant("x", "x, 1 x 8", 8, 100, CONFIG, 8)


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
    loaded = run_trial(run.parent, VARIANT, 1, "val_loss", lambda line: None)
    assert summary["tokens"] > 0
    assert math.isnan(loaded.peak_memory)
    runs.mark_finished(run, {**summary, "peak_memory": math.nan})  # as on systems that do not report it
    assert math.isnan(run_trial(run.parent, VARIANT, 1, "val_loss", lambda line: None).peak_memory)
    if every == 100:
        assert loaded.outcome == Outcome("failed", None, "no finite val_loss was logged")
    else:
        assert loaded.tokens == summary["tokens"]
        assert summary["val_loss"] == loaded.curve[-1].value
        assert [point.step for point in loaded.curve] == [2, 4, 6]
        assert loaded.outcome.status == "finished"


def run_fake_trial(folder: Path, monkeypatch: pytest.MonkeyPatch, outcome: Outcome) -> tuple[Trial, list[list[str]]]:
    """Run a trial with a replaced `fit`; return the trial and the options of every call."""
    calls: list[list[str]] = []

    def fit(place: Path, config: Any, options: list[str], on_progress: Callable[[str], object]) -> Outcome:
        calls.append(options)
        run = place / str(1 + len([*place.glob("[0-9]*")]))
        (run / "logs" / "version_0").mkdir(parents=True)
        log = "seconds,step,tokens,val_loss\n1,1,10,3.0\n2,3,20,2.5\n3,5,30,2.75\n"
        (run / "logs" / "version_0" / "metrics.csv").write_text(log)
        (place / "log.txt").write_text(f"seq2seq: {outcome.sentence}\n")
        if outcome.status == "finished":
            (run / "finished.json").write_text("{}")
        return outcome

    monkeypatch.setattr(trials, "fit", fit)
    return run_trial(folder, VARIANT, 1, "val_loss", lambda line: None), calls


def test_training_does_not_inherit_the_run_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUN_VARIABLE, "other")
    monkeypatch.setenv("KEPT", "kept")
    code = "import os; print(os.environ.get('SEQ2SEQ_RUN'), os.environ['KEPT'])"
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda command, **options: popen([command[0], "-c", code], **options))
    assert trials.fit(tmp_path, {}, [], lambda line: None).status == "finished"
    assert (tmp_path / "log.txt").read_text(encoding="utf-8") == "None kept\n"


def test_failed_trial_is_trained_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = Outcome("failed", None, "no memory")
    trial, _ = run_fake_trial(tmp_path, monkeypatch, failed)
    assert trial.outcome == failed
    assert math.isnan(trial.value)
    trial, calls = run_fake_trial(tmp_path, monkeypatch, Outcome("finished"))
    assert trial.outcome == Outcome("finished")
    assert trial.value == 2.5
    assert (trial.seconds, trial.tokens, trial.curve[0]) == (3, 30, CurvePoint(2, 10, 1, 3))
    assert calls == [["--seed_everything", "1"]]
    again, calls = run_fake_trial(tmp_path, monkeypatch, failed)
    assert (again.outcome, again.curve, calls) == (trial.outcome, trial.curve, [])


def test_diverged_trial_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    diverged = Outcome("diverged", 7, "a weight is not a finite number after step 7, so training stopped")
    assert run_fake_trial(tmp_path, monkeypatch, diverged)[0].outcome == diverged
    trial, calls = run_fake_trial(tmp_path, monkeypatch, Outcome("finished"))
    assert trial.outcome == diverged
    assert calls == []


def test_best_value_is_lowest_loss_or_highest_bleu(tmp_path: Path) -> None:
    logs = tmp_path / "1" / "logs" / "version_0"
    logs.mkdir(parents=True)
    (tmp_path / "1" / "finished.json").write_text('{"peak_memory": 8}')
    text = "seconds,step,tokens,val_loss,val_bleu\n1,1,1,2,2\n2,2,2,1,1\n3,3,3,nan,nan\n4,4,4,3,3\n"
    (logs / "metrics.csv").write_text(text)
    assert run_trial(tmp_path, VARIANT, 1, "val_loss", lambda line: None).value == 1.0
    assert run_trial(tmp_path, VARIANT, 1, "val_bleu", lambda line: None).value == 3.0
    (logs / "metrics.csv").write_text("seconds,step,tokens,val_loss\n1,1,1,2\n2,2,2,inf\n")
    trial = run_trial(tmp_path, VARIANT, 1, "val_loss", lambda line: None)
    assert trial.outcome == Outcome("diverged", 3, "no finite val_loss was logged")
    assert math.isnan(trial.value)


@given(seconds=st.floats(0.1, 1e5), step_seconds=st.floats(1e-4, 10))
def test_calibrated_steps_fit_into_the_time(seconds: float, step_seconds: float) -> None:
    steps = steps_within(seconds, step_seconds)
    assert steps % 8 == 0
    assert steps == 8 or abs(steps * step_seconds - seconds) <= 4 * step_seconds + 1e-6 * seconds
    assert steps_within(seconds, None) > 0


def test_results_are_sorted_best_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"GRU": math.nan, "LSTM": 1.4, "RNN": 1.6}

    def fake_trial(folder: Path, variant: Variant, seed: int, *_: object) -> Trial:
        value = values[variant.entry]
        outcome = Outcome("failed", None, "no memory") if math.isnan(value) else Outcome("finished")
        return Trial(seed, outcome, value, 1.0, 1.0, 1.0, [])

    monkeypatch.setattr(compare, "run_trial", fake_trial)
    monkeypatch.setattr(compare, "generation_costs", lambda *_: ([], "not measured"))
    for metric, names in (("val_loss", ["LSTM", "RNN", "GRU"]), ("val_bleu", ["RNN", "LSTM", "GRU"])):
        config = {"checkpoint": {"monitor": metric}, "trainer": {"accelerator": "cpu"}}
        plan = Plan(
            Settings(config, [*values], "tokens", 2, None, 8, None, False),
            {name: VARIANT._replace(entry=name) for name in values},
        )
        lines: list[str] = []
        results = compare.run_comparison(plan, tmp_path, lambda *_: None, lines.append)
        assert [result.variant.entry for result in results] == names
        assert [result.note for result in results] == ["not measured", "not measured", "no training finished"]
        assert lines[3:5] == [
            "GRU, seed 2, failed: no memory",
            f"LSTM, seed 2: {metric} 1.4000 after 1.0 s of training",
        ]


def test_classes_named_by_the_configuration_are_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[str] = []
    monkeypatch.setattr(generation, "measure_generation", lambda run, device, trust: named.extend(trust) or [])
    options = {"attention": {"class_path": "my_ext.Mine"}, "layer": {"class_path": "seq2seq.recurrence.LSTM"}}
    model = {"class_path": "seq2seq.LanguageModel", "init_args": options}
    assert generation_costs(tmp_path, VARIANT._replace(config={**CONFIG, "model": model})) == ([], "")
    assert "my_ext" in named


def test_lost_checkpoint_only_prevents_measuring_generation(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "x-1" / "1"
    run.mkdir(parents=True)
    costs, note = generation_costs(run, VARIANT)
    assert costs == []
    assert "contains no checkpoints/best.ckpt" in note
