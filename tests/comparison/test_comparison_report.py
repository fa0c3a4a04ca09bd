"""Tests of learning curves, results and the report of a comparison."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.comparison import curves
from seq2seq.comparison.compare import Result, summarize
from seq2seq.comparison.generation import GenerationCost
from seq2seq.comparison.plan import Plan, Settings, Variant
from seq2seq.comparison.report import cell, table_rows, verdict, write_report
from seq2seq.comparison.trials import Outcome, Trial, parse_outcome
from seq2seq.storage import json_value
from seq2seq.training.metrics_log import CurvePoint, learning_curve, seconds_per_step

POINTS = [CurvePoint(4, 40.0, 0.5, 2.0), CurvePoint(8, 80.0, 1.0, 1.5)]


def make_variant(name: str) -> Variant:
    return Variant(name, f"{name}, 1 x 8", 8, 1234, {"model": name}, 8)


def make_trial(seed: int, value: float) -> Trial:
    points = [POINTS[0], POINTS[1]._replace(value=value)]
    return Trial(seed, Outcome("finished"), value, 1.0, 80.0, 5e8, points)


DIVERGED_TRIAL = Trial(2, Outcome("diverged", 3, "not finite"), math.nan, 0.1, 10.0, math.nan, [])
FAILED_TRIAL = Trial(1, Outcome("failed", None, "no memory | left"), math.nan, math.nan, 0.0, math.nan, [])
COSTS = [GenerationCost(100, 900.0, 512), GenerationCost(10_000, 8.0, 99)]
RESULTS = [
    summarize(make_variant("LSTM"), [make_trial(1, 1.5), make_trial(2, 1.4)], COSTS, ""),
    summarize(make_variant("RNN$x"), [make_trial(1, 1.6), DIVERGED_TRIAL], [], ""),
    summarize(make_variant("GRU"), [FAILED_TRIAL], [], "no training finished"),
]


def make_plan(metric: str = "val_loss", accelerator: str = "auto") -> Plan:
    config = {"checkpoint": {"monitor": metric}, "trainer": {"accelerator": accelerator}}
    names = [result.variant.entry for result in RESULTS]
    settings = Settings(config, names, "parameters", 2, None, 8, None, False)
    return Plan(settings, {result.variant.entry: result.variant for result in RESULTS})


def write_log(run: Path, version: int, text: str) -> None:
    folder = run / "logs" / f"version_{version}"
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text(text)


def test_learning_curve_continues_after_resuming(tmp_path: Path) -> None:
    """Steps that are trained again after the last checkpoint count once."""
    write_log(tmp_path, 0, "seconds,step,tokens,val_loss\n1,1,10,3.0\n2,3,20,2.5\n3,5,30,2.2\n")
    write_log(tmp_path, 1, "seconds,step,tokens,val_loss\n2.9,5,30,2.1\n3.9,7,40,2.0\n")
    points = learning_curve(tmp_path, "val_loss")
    assert [point.step for point in points] == [2, 4, 6, 8]
    assert [point.value for point in points] == [3.0, 2.5, 2.1, 2.0]
    assert learning_curve(tmp_path / "nowhere", "val_loss") == []


def test_seconds_per_step_excludes_warm_up(tmp_path: Path) -> None:
    write_log(tmp_path / "a", 0, "seconds,step,tokens\n9,4,1\n10,9,2\n11,14,3\n12,19,4\n")
    assert seconds_per_step(tmp_path / "a") == pytest.approx(0.2)
    write_log(tmp_path / "b", 0, "seconds,step,tokens\n9,4,1\n")
    assert seconds_per_step(tmp_path / "b") == pytest.approx(9 / 5)
    assert seconds_per_step(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    ("status", "output", "expected"),
    [
        (0, "", Outcome("finished")),
        (1, "a\nseq2seq: the loss is not a finite number at step 1,234, so", ("diverged", 1234)),
        (1, "seq2seq: a weight is not a finite number after step 7, so\n", ("diverged", 7)),
        (1, "seq2seq: the loss is not a finite number at step 3\nexited\n", ("diverged", 3)),
        (
            1,
            "seq2seq: a slow kernel\nseq2seq: nothing can be written, since the model gives NaN for what\nso\n",
            ("diverged", None, "nothing can be written, since the model gives NaN for what"),
        ),
        (1, "seq2seq: a slow kernel\nTraceback\nKeyError: 1\n\n", Outcome("failed", None, "KeyError: 1")),
        (1, "seq2seq: nothing can be written, since the model gives NaN for what comes next\n", ("diverged", None)),
        (1, "seq2seq: out of memory\n", Outcome("failed", None, "out of memory")),
        (1, "Traceback\nKeyError: 1\n", Outcome("failed", None, "KeyError: 1")),
        (-9, "step 5 of 9\n", Outcome("failed", None, "killed by SIGKILL")),
        (2, "", Outcome("failed", None, "no output")),
    ],
)
def test_outcome_is_parsed_from_status_and_output(status: int, output: str, expected: Any) -> None:
    assert parse_outcome(status, output.splitlines())[: len(expected)] == expected


def test_unfinished_trials_are_in_the_table(tmp_path: Path) -> None:
    headings, *rows = table_rows(RESULTS, "val_loss", 2)
    assert all(len(row) == len(headings) for row in rows)
    assert rows[0][2] == "1.4500 ± 0.0707"
    assert rows[0][4:6] == ["900 / 8", "512 bytes / 99 bytes"]
    assert rows[1][2] == "1.6000; seed 2 diverged at step 3"
    assert rows[1][4] == "–"
    assert rows[2][2] == "seed 1 failed: no memory | left"
    write_report(RESULTS, make_plan(), tmp_path, "seq2seq compare")
    lines = [line for line in (tmp_path / "table.md").read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(RESULTS)
    assert len({line.count("|") for line in lines}) == 1


def test_row_is_complete() -> None:
    rows = table_rows(RESULTS, "val_loss", 2)
    assert dict(zip(*rows[:2], strict=True)) == {
        "layer and its block": "LSTM, 1 x 8",
        "parameters": "1,234",
        "validation loss, nats, mean ± spread of 2 seeds": "1.4500 ± 0.0707",
        "training, tokens/s": "80",
        "generation at 100 / 10,000, tokens/s": "900 / 8",
        "state at 100 / 10,000": "512 bytes / 99 bytes",
        "peak memory": "500.0 MB",
        "training time, min": "0:01",
        "steps": "8",
    }


@pytest.mark.parametrize("metric", ["val_loss", "val_bleu"])
def test_report_is_complete(tmp_path: Path, metric: str) -> None:
    plan = make_plan(metric)
    write_report(RESULTS, plan, tmp_path, "seq2seq compare --layers LSTM")
    content = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert len(content["results"]) == 3
    assert content["results"][-1]["mean"] is None
    assert content["results"][-1]["seeds"][0]["outcome"]["sentence"] == "no memory | left"
    lstm = next(result for result in content["results"] if result["entry"] == "LSTM")
    assert [point["tokens"] for point in lstm["seeds"][0]["curve"]] == [40.0, 80.0]
    assert lstm["generation"][1] == {"position": 10_000, "tokens_per_second": 8.0, "state_bytes": 99}
    assert {"slug", "entry", "block", "size", "parameters", "config", "steps", "spread", "note"} <= lstm.keys()
    assert {"gpu", "threads", "cores", "torch", "seq2seq"} == content["machine"].keys()
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "seq2seq compare --layers LSTM" in text
    assert verdict(RESULTS, metric) in text
    assert "RNN$x, seed 2 diverged at step 3" in text
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_gpu_is_reported_only_if_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "Some GPU")
    for accelerator, has_gpu in (("auto", True), ("cpu", False)):
        write_report(RESULTS, make_plan(accelerator=accelerator), tmp_path, "seq2seq compare")
        assert ("gpu: Some GPU, cores: " in (tmp_path / "table.md").read_text(encoding="utf-8")) is has_gpu
        content = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
        assert content["machine"]["gpu"] == ("Some GPU" if has_gpu else None)


def test_row_name_has_entry_and_block() -> None:
    def name(entry: str, block: str) -> str:
        result: Result = summarize(make_variant(entry)._replace(block=block), [], [], "")
        return table_rows([result], "val_loss", 1)[1][0]

    assert name("LSTM", "LSTM, 1 x 8") == "LSTM, 1 x 8"
    assert name("LSTM:depth=2", "LSTM, 2 x 8") == "LSTM:depth=2: LSTM, 2 x 8"
    assert name("GRU", "encoder LSTM; decoder GRU; 1 x 8") == "GRU: encoder LSTM; decoder GRU; 1 x 8"


def test_curves_name_unfinished_trials_and_are_not_squashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Any] = []
    monkeypatch.setattr(curves, "save_picture", lambda figure, path: figures.append(figure))
    write_report(RESULTS[:2], make_plan(), tmp_path, "seq2seq compare")
    labels = [text.get_text() for text in figures[0].legends[0].get_texts()]
    assert labels == ["LSTM", r"RNN\$x (1 of 2 did not finish)"]
    assert figures[0].axes[0].get_xscale() == "linear"

    bad = [POINTS[0]._replace(value=50.0), POINTS[1]._replace(tokens=800.0)]
    for metric, is_cut in (("val_loss", True), ("val_bleu", False)):
        diverged = [[POINTS[0]._replace(value=value)] for value in (math.nan, math.inf, math.inf, math.inf)]
        curves.draw({"GRU": diverged, "LSTM": [POINTS], "RNN": [bad]}, metric, tmp_path / "loss.png")
        tokens, seconds = figures[-1].axes
        assert bool(tokens.get_ylim()[1] == 4.5) is is_cut
        assert (tokens.get_xscale(), seconds.get_xscale()) == ("log", "linear")


def test_report_without_any_result(tmp_path: Path) -> None:
    write_report(RESULTS[2:], make_plan(), tmp_path, "seq2seq compare")
    assert "Without a result: GRU." in (tmp_path / "table.md").read_text(encoding="utf-8")
    assert (tmp_path / "loss.png").exists()


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.tuples(inner))
)
def test_json_values_are_strict(value: Any) -> None:
    assert json.loads(json.dumps(json_value(value), allow_nan=False)) == json_value(value)


def test_cell_has_a_dash_for_what_is_unknown() -> None:
    assert cell("{:,.0f}".format, 1234.5, math.nan) == "1,234 / –"
    assert cell("{:,.0f}".format) == "–"
