"""Tests of reading the files of a comparison back when they are damaged or forged."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from experiments import LANGUAGE, seq2seq, write_config

from seq2seq.comparison import trials
from seq2seq.comparison.compare import load_or_measure_generation, prepare_plan
from seq2seq.comparison.curves import learning_curve, seconds_per_step
from seq2seq.comparison.generation import GenerationCost
from seq2seq.comparison.plan import Plan, Settings, Variant, config_path, load_plan, merge_plans, save_plan, slugs
from seq2seq.comparison.records import REMOVE
from seq2seq.comparison.results import Trial, load_trial
from seq2seq.comparison.trials import Outcome, TrainingProcess, run_trial
from seq2seq.errors import UserError

CONFIG = {"trainer": {"accelerator": "cpu"}, "model": {"size": 8}, "optimizer": {"lr": 0.1}}
VARIANT = Variant("LSTM:depth=2", "LSTM-depth-2", "LSTM, 2 x 8", 8, 100, CONFIG, 8)
GRU = VARIANT._replace(entry="GRU", slug="GRU")
SETTINGS = Settings(CONFIG, ["LSTM:depth=2"], "tokens", 1, None, 8, None, False)
PLAN = Plan(SETTINGS, [VARIANT], (GRU,))
START_ANEW = "; choose another folder with --output, or start anew with --again"


def edit_plan(folder: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    save_plan(PLAN, folder)
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


@pytest.mark.parametrize("slug", ["../../../victim", "/victim", "", ".", "..", "a/b", "GRU\0"])
@pytest.mark.parametrize("part", ["variants", "inactive"])
def test_slugs_outside_of_the_folder_are_rejected_and_delete_nothing(tmp_path: Path, slug: str, part: str) -> None:
    folder = tmp_path / "a" / "b" / "c"
    victims = [tmp_path / name for name in ("victim.json", "victim.yaml", "a/b/victim.yaml")]
    path = edit_plan(folder, lambda content: content[part][0].update(slug=slug, entry=slug or ":"))
    (folder / "measures").mkdir()
    for victim in victims:
        victim.write_text("")
    message = error_of(lambda: prepare_plan(PLAN, folder, False))
    assert f"in {path} must be the name of a file or folder inside {folder}, and {slug!r} was given" in message
    assert message.endswith(START_ANEW)
    prepare_plan(PLAN, folder, True)
    assert all(victim.exists() for victim in victims)


@pytest.mark.parametrize("compared_before", [True, False])
def test_starting_anew_deletes_no_configuration_nor_run_of_the_users_own(tmp_path: Path, compared_before: bool) -> None:
    if compared_before:
        save_plan(PLAN, tmp_path)
        (tmp_path / "runs" / f"{VARIANT.slug}-1").mkdir(parents=True)
    own = [tmp_path / "configs" / "own.yaml", tmp_path / "runs" / "own-1" / "kept", tmp_path / "trials" / "own-1.json"]
    for path in own:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine", encoding="utf-8")
    prepare_plan(PLAN, tmp_path, True)
    assert all(path.read_text(encoding="utf-8") == "mine" for path in own)
    assert not (tmp_path / "runs" / f"{VARIANT.slug}-1").exists()


def test_slug_of_another_entry_is_rejected(tmp_path: Path) -> None:
    edit_plan(tmp_path, lambda content: content["variants"][0].update(slug="notes"))
    assert "must be LSTM-depth-2, and notes was given" in error_of(lambda: load_plan(tmp_path))
    edit_plan(tmp_path, lambda content: content["inactive"].append(content["variants"][0]))
    assert "must be unique" in error_of(lambda: load_plan(tmp_path))
    assert slugs("LSTM:depth=2", 2) == ["LSTM-depth-2", "LSTM-depth-2-2"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda plan: plan.pop("version"), " has no format version, and this seq2seq reads version 1"),
        (lambda plan: plan.update(version=2), " has format version 2, and this seq2seq reads version 1"),
        (lambda plan: plan.update(version=[]), "version of PLAN must be a whole number, and a list was given"),
        (lambda plan: plan.update(aside=[]), ' has an unexpected field "aside"'),
        (lambda plan: plan.pop("settings"), " has no settings"),
        (lambda plan: plan.update(settings=3), "settings of PLAN must be an object, and 3 was given"),
        (lambda plan: plan.update(variants={}), "variants of PLAN must be a list, and an object was given"),
        (lambda plan: plan.update(variants=[[]]), "item 1 of variants of PLAN must be an object, and a list was given"),
        (lambda plan: plan["settings"].update(layers="LSTM"), 'layers of settings of PLAN must be a list, and "LSTM"'),
        (lambda plan: plan["settings"].update(layers=[1]), "item 1 of layers of settings of PLAN must be text"),
        (lambda plan: plan["settings"].update(budget="x"), 'must be one of parameters, time, tokens, and "x"'),
        (lambda plan: plan["settings"].update(seeds=True), "must be a whole number, and true was given"),
        (lambda plan: plan["settings"].update(seeds=0), "seeds of settings of PLAN must be at least 1"),
        (lambda plan: plan["settings"].update(minutes=math.nan), "must be a finite number, and NaN was given"),
        (lambda plan: plan["settings"].update(minutes=10**400), "must be a finite number, and 1000"),
        (lambda plan: plan["settings"].update(same_block=1), "must be true or false, and 1 was given"),
        (lambda plan: plan["settings"].update(config=[]), "config of settings of PLAN must be an object"),
        (lambda plan: plan["variants"][0].update(steps=-1), "steps of item 1 of variants of PLAN must be at least 1"),
        (lambda plan: plan["variants"][0].update(parameters=math.inf), "must be a whole number, and Infinity"),
        (lambda plan: plan["variants"][0].update(block="\ud800"), 'must be Unicode text, and "\\ud800" was given'),
        (lambda plan: plan["inactive"][0].update(config={"\ud800": 1}), "must be Unicode text"),
        (lambda plan: plan["inactive"][0].pop("block"), "item 1 of inactive of PLAN has no block"),
        (
            lambda plan: plan["inactive"][0].update(config={"x": json.loads("[" * 100 + "]" * 100)}),
            "config of item 1 of inactive of PLAN is nested more than 50 levels deep",
        ),
    ],
)
def test_damaged_plan_is_rejected(tmp_path: Path, edit: Callable[[dict[str, Any]], object], message: str) -> None:
    path = edit_plan(tmp_path, edit)
    error = error_of(lambda: load_plan(tmp_path))
    assert message.replace("PLAN", str(path)) in error
    assert error.endswith(START_ANEW)


def test_saved_configuration_is_that_of_the_new_plan(tmp_path: Path) -> None:
    other_data = {**CONFIG, "data": "other"}
    edit_plan(tmp_path, lambda content: content["variants"][0].update(config=other_data, size=3))
    config_path(tmp_path, VARIANT).write_text("data: other", encoding="utf-8")
    assert prepare_plan(PLAN, tmp_path, False).variants == [VARIANT]
    assert load_plan(tmp_path) == PLAN
    assert "other" not in config_path(tmp_path, VARIANT).read_text(encoding="utf-8")
    edit_plan(tmp_path, lambda content: content["variants"][0].update(config={}))
    saved = load_plan(tmp_path)
    assert saved is not None
    assert "changed: the block of LSTM:depth=2" in error_of(lambda: merge_plans(saved, PLAN, tmp_path))


def test_forged_plan_is_rejected_by_the_command(
    comparison_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("seq2seq.comparison.plan.make_plan", lambda settings: PLAN)
    write_config(tmp_path, LANGUAGE, comparison_corpus, "lm")
    edit_plan(tmp_path / "out", lambda content: content["inactive"][0].update(slug="../victim"))
    command = seq2seq("compare", "--config", "lm.yaml", "--layers", "LSTM:depth=2", "--steps", "8", "--output", "out")
    assert command.status == 1
    expected = "slug of GRU in out/plan.json must be the name of a file or folder inside out, and '../victim' was given"
    assert command.err == f"seq2seq: {expected}{START_ANEW}\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"status": "diverged", "x": 1}', ' has an unexpected field "x"'),
        ('{"status": "diverged", "step": "x"}', 'step of FILE must be a whole number, and "x" was given'),
        ('{"status": "diverged", "step": -1}', "step of FILE must be at least 0"),
        ('{"status": "lost"}', 'status of FILE must be one of finished, diverged, failed, and "lost" was given'),
        ('{"status": []}', "status of FILE must be one of finished, diverged, failed, and a list was given"),
        ('{"status": "diverged", "sentence": null}', "sentence of FILE must be text, and null was given"),
        ("{}", " has no status"),
        ("[]", " must be an object, and a list was given"),
        ("null", " must be an object, and null was given"),
        ('{"status": "dive', " is not JSON: "),
    ],
)
def test_damaged_outcome_is_rejected(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "trials" / "x-1.json"
    path.parent.mkdir()
    path.write_text(content, encoding="utf-8")
    error = error_of(lambda: run_trial(TrainingProcess(), tmp_path / "x.yaml", 1, "x-1", tmp_path, lambda line: None))
    assert message.replace("FILE", str(path)) in error
    assert str(path) in error
    assert error.endswith(REMOVE)


COST = {"position": 100, "tokens_per_second": 5.0, "state_bytes": 8}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": 1}, " must be a list, and an object was given"),
        ([{}], "item 1 of FILE has no position"),
        ([COST, 3], "item 2 of FILE must be an object, and 3 was given"),
        (
            [{**COST, "tokens_per_second": None}],
            "tokens_per_second of item 1 of FILE must be a finite number, and null",
        ),
        ([], " must have the positions [100, 10000], and has []"),
        ([COST], " must have the positions [100, 10000], and has [100]"),
    ],
)
def test_damaged_generation_cost_is_rejected(tmp_path: Path, content: Any, message: str) -> None:
    (tmp_path / "runs" / f"{VARIANT.slug}-1" / "1").mkdir(parents=True)
    finished = [Trial(1, Outcome("finished"), 1.0, 1.0, 1.0, 1.0, [])]
    path = tmp_path / "measures" / f"{VARIANT.slug}.json"
    path.parent.mkdir()
    path.write_text(json.dumps(content), encoding="utf-8")
    error = error_of(lambda: load_or_measure_generation(PLAN, VARIANT, finished, tmp_path))
    assert message.replace("FILE", str(path)) in error
    assert str(path) in error
    assert error.endswith(REMOVE)
    path.write_text(json.dumps([COST, {**COST, "position": 10_000}]), encoding="utf-8")
    costs, note = load_or_measure_generation(PLAN, VARIANT, finished, tmp_path)
    assert costs == [GenerationCost(100, 5.0, 8), GenerationCost(10_000, 5.0, 8)]
    assert note == ""


def write_run(folder: Path, summary: str, log: str = "seconds,step,tokens,val_loss\n1,1,10,3.0\n") -> Path:
    run = folder / "runs" / "x-1" / "1"
    (run / "logs" / "version_0").mkdir(parents=True, exist_ok=True)
    (run / "logs" / "version_0" / "metrics.csv").write_text(log, encoding="utf-8")
    (run / "finished.json").write_text(summary, encoding="utf-8")
    return run


@pytest.mark.parametrize(
    ("summary", "message"),
    [
        ("{}", " has no seconds"),
        ("[]", " must be an object, and a list was given"),
        ('{"seconds": "x", "tokens": 1}', 'seconds of FILE must be a finite number, and "x" was given'),
        ('{"seconds": NaN, "tokens": 1}', "seconds of FILE must be a finite number, and NaN was given"),
        ('{"seconds": -1, "tokens": 1}', "seconds of FILE must be at least 0"),
        ('{"seconds": 1, "tokens": 1, "peak_memory": "x"}', "peak_memory of FILE must be a finite number"),
        ("{", " is not JSON: "),
    ],
)
def test_damaged_summary_is_rejected(tmp_path: Path, summary: str, message: str) -> None:
    path = write_run(tmp_path, summary) / "finished.json"
    error = error_of(lambda: load_trial(1, Outcome("finished"), tmp_path, "x-1", "val_loss"))
    assert message.replace("FILE", str(path)) in error
    assert str(path) in error
    assert error.endswith(REMOVE)
    write_run(tmp_path, '{"seconds": 2, "tokens": 10, "peak_memory": null, "val_loss": 3.0, "steps": 2}')
    loaded = load_trial(1, Outcome("finished"), tmp_path, "x-1", "val_loss")
    assert (loaded.seconds, loaded.tokens, loaded.outcome.status) == (2, 10, "finished")
    assert math.isnan(loaded.peak_memory)


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
    for read in (lambda: learning_curve(run, "val_loss"), lambda: seconds_per_step(run, 10)):
        error = error_of(read)
        assert message.replace("LOGS", str(run / "logs")) in error
        assert error.endswith(f"; remove {run}: it is trained again")
    assert trials.is_finished(tmp_path, "x-1")
