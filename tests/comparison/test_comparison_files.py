"""Tests of reading the files of a comparison back when they are damaged or forged."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from experiments import LANGUAGE, seq2seq, write_config

from seq2seq.comparison.plan import Plan, Settings, Variant, prepare_plan, save_plan
from seq2seq.comparison.trials import run_trial
from seq2seq.errors import UserError
from seq2seq.training.metrics_log import learning_curve, seconds_per_step

CONFIG = {"trainer": {"accelerator": "cpu"}, "model": {"size": 8}, "optimizer": {"lr": 0.1}}
VARIANT = Variant("LSTM:depth=2", "LSTM, 2 x 8", 8, 100, CONFIG, 8)
GRU = VARIANT._replace(entry="GRU")
SETTINGS = Settings(CONFIG, ["LSTM:depth=2"], "tokens", 1, None, 8, None, False)


def make_plan() -> Plan:
    return Plan(SETTINGS, {VARIANT.entry: VARIANT})


def edit_plan(folder: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    save_plan(Plan(SETTINGS, {VARIANT.entry: VARIANT, "GRU": GRU}), folder)
    path = folder / "plan.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def error_of(call: Callable[[], object]) -> str:
    with pytest.raises(UserError) as raised:
        call()
    assert "\n" not in str(raised.value)
    return str(raised.value)


def forge(content: dict[str, Any], entry: str) -> None:
    content["variants"][entry] = content["variants"].pop("GRU") | {"entry": entry}


@pytest.mark.parametrize("entry", ["../../../victim", "/victim", "", ".", "..", "a/b", "GRU\0"])
def test_entries_outside_of_the_folder_delete_nothing(tmp_path: Path, entry: str) -> None:
    folder = tmp_path / "a" / "b" / "c"
    victims = [tmp_path / name for name in ("victim-1/kept", "a/b/victim-1/kept", "a/b/c/victim-1/kept")]
    victims += [folder / "runs" / "1" / "kept", folder / "runs" / "a" / "b-1" / "kept"]
    for victim in victims:
        victim.parent.mkdir(parents=True, exist_ok=True)
        victim.write_text("")
    edit_plan(folder, lambda content: forge(content, entry))
    prepare_plan(make_plan(), folder, False)
    prepare_plan(make_plan(), folder, True)
    assert all(victim.exists() for victim in victims)


@pytest.mark.parametrize("compared_before", [True, False])
def test_starting_anew_deletes_no_configuration_nor_run_of_the_users_own(tmp_path: Path, compared_before: bool) -> None:
    if compared_before:
        prepare_plan(make_plan(), tmp_path, False)
        (tmp_path / "runs" / f"{VARIANT.slug}-1").mkdir(parents=True)
    own = [tmp_path / "configs" / "own.yaml", tmp_path / "runs" / "own-1" / "kept", tmp_path / "trials" / "own-1.json"]
    for path in own:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine", encoding="utf-8")
    prepare_plan(make_plan(), tmp_path, True)
    assert all(path.read_text(encoding="utf-8") == "mine" for path in own)
    assert not (tmp_path / "runs" / f"{VARIANT.slug}-1").exists()


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize(
    "edit",
    [
        lambda plan: plan.pop("settings"),
        lambda plan: plan.pop("variants"),
        lambda plan: plan.update(variants=[VARIANT._asdict()]),  # as in the first version of the format
        lambda plan: plan["variants"].update(GRU=[]),
        lambda plan: plan["variants"].update(GRU=3),
        lambda plan: plan["variants"]["GRU"].pop("block"),
        lambda plan: plan["variants"]["GRU"].update(aside=1),
        lambda plan: plan["variants"].update({"\ud800": GRU._asdict()}),
        lambda plan: plan["variants"]["GRU"].update(steps="many"),
        lambda plan: plan["variants"]["GRU"].update(steps=[1]),
        lambda plan: plan["variants"]["GRU"].update(steps=math.inf),
    ],
)
def test_damaged_plan_is_rejected(tmp_path: Path, edit: Callable[[dict[str, Any]], object], again: bool) -> None:
    path, trial = edit_plan(tmp_path, edit), tmp_path / "runs" / "GRU-1"
    trial.mkdir(parents=True)
    error = error_of(lambda: prepare_plan(make_plan(), tmp_path, again))
    assert error.startswith(f"{path} is damaged, or of another version of seq2seq (")
    assert error.endswith(f"); choose another folder with --output, or remove {path} and {tmp_path}/runs")
    trial.rmdir()
    if again:
        prepare_plan(make_plan(), tmp_path, True)
        assert json.loads(path.read_text(encoding="utf-8"))["variants"].keys() == {VARIANT.entry}


@pytest.mark.parametrize("content", ["{broken", "[]", "{}", "3", "null", '{"variants": []}', "[" * 10_000])
def test_file_that_is_no_plan_is_rejected(tmp_path: Path, content: str) -> None:
    (tmp_path / "plan.json").write_text(content, encoding="utf-8")
    message = f"{tmp_path / 'plan.json'} is damaged, or of another version of seq2seq ("
    assert error_of(lambda: prepare_plan(make_plan(), tmp_path, False)).startswith(message)


def test_forged_configuration_is_not_used(tmp_path: Path) -> None:
    edit_plan(tmp_path, lambda content: content["variants"]["LSTM:depth=2"].update(config={"data": "other"}))
    message = "changed: the model of LSTM:depth=2"
    assert message in error_of(lambda: prepare_plan(make_plan(), tmp_path, False))
    edit_plan(tmp_path, lambda content: content["settings"].update(minutes="x", budget=3))
    assert "changed: --budget, --minutes" in error_of(lambda: prepare_plan(make_plan(), tmp_path, False))


def test_damaged_plan_is_rejected_by_the_command(
    comparison_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path, LANGUAGE, comparison_corpus, "lm")
    edit_plan(tmp_path / "out", lambda content: content.pop("settings"))
    command = seq2seq("compare", "--config", "lm.yaml", "--layers", "LSTM", "--steps", "8", "--output", "out")
    assert command.status == 1
    reason = "out/plan.json is damaged, or of another version of seq2seq (has no settings)"
    expected = f"seq2seq: {reason}; choose another folder with --output, or remove out/plan.json and out/runs"
    assert command.err.splitlines()[-1] == expected


def write_run(folder: Path, summary: str, log: str = "seconds,step,tokens,val_loss\n1,1,10,3.0\n") -> Path:
    run = folder / "runs" / "x-1" / "1"
    (run / "logs" / "version_0").mkdir(parents=True, exist_ok=True)
    (run / "logs" / "version_0" / "metrics.csv").write_text(log, encoding="utf-8")
    (run / "finished.json").write_text(summary, encoding="utf-8")
    return run


@pytest.mark.parametrize("summary", ["[]", "null", "3", '{"peak_memory": "x"}', '{"peak_memory": [1]}', "{"])
def test_damaged_summary_is_rejected(tmp_path: Path, summary: str) -> None:
    run = write_run(tmp_path, summary)
    error = error_of(lambda: run_trial(run.parent, VARIANT, 1, "val_loss", lambda line: None))
    assert error == f"{run / 'finished.json'} is damaged: remove {run}, and it is trained again"


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("seconds,tokens,val_loss\n1,10,3.0\n", "LOGS/version_0/metrics.csv is damaged: line 2 "),
        ("seconds,step,tokens,val_loss\n1,1,x,3.0\n", "LOGS/version_0/metrics.csv is damaged: line 2 "),
        (
            "seconds,step,tokens,val_loss\n1,1,nan,3.0\n",
            "LOGS/version_0/metrics.csv is damaged: line 2 must have tokens that are at least 0 and finite, not nan",
        ),
        (
            "seconds,step,tokens,val_loss\n-1,1,10,3.0\n",
            "LOGS/version_0/metrics.csv is damaged: line 2 must have seconds that are at least 0 and finite, not -1.0",
        ),
    ],
)
def test_damaged_log_is_rejected(tmp_path: Path, log: str, message: str) -> None:
    run = write_run(tmp_path, "{}", log)
    for read in (lambda: learning_curve(run, "val_loss"), lambda: seconds_per_step(run)):
        assert message.replace("LOGS", str(run / "logs")) in error_of(read)
    error = error_of(lambda: run_trial(run.parent, VARIANT, 1, "val_loss", lambda line: None))
    assert error.startswith(f"remove {run}, and it is trained again: {run / 'logs'}/version_0/metrics.csv is damaged")
