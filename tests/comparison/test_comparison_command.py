"""`seq2seq compare` through the door: trained, reported, continued, and refused where it must be."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from experiments import LANGUAGE, TRANSLATION, Running, Told, seq2seq, write_config

from seq2seq.commands.parser import without_dotted


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def config(corpus: Path, kind: str = LANGUAGE) -> Path:
    return write_config(Path.cwd(), kind, corpus, "tiny")


def compare(*options: str | Path) -> Told:
    return seq2seq("compare", "--config", "tiny.yaml", "--output", "out", *options)


def results() -> dict[str, Any]:
    held: dict[str, Any] = json.loads(Path("out/results.json").read_text(encoding="utf-8"))
    return held


def test_two_layers_with_two_seeds_one_of_which_diverges(compared_texts: Path) -> None:
    """And then continued without one of the trainings, refused with another plan, started anew, and given one more."""
    config(compared_texts)
    given = ("--layers", "LSTM", "RNN:lr=1e30", "--seeds", "2", "--steps", "4", "--model.size", "64")
    told = compare(*given)
    assert told.status == 0, told.err
    assert "LSTM, 1 x 64" in told.out
    assert "Best: LSTM, " in told.out
    assert "Without a result: RNN:lr=1e30." in told.out
    assert [line.split(":")[0] for line in told.err.splitlines() if ", seed " in line] == [
        "LSTM, seed 1",
        "RNN",
        "LSTM, seed 2",
        "RNN",
    ]
    lstm, rnn = results()["results"]
    assert [seed["outcome"]["status"] for seed in rnn["seeds"]] == ["diverged", "diverged"]
    assert all(seed["outcome"]["step"] in (None, 2, 3, 4) for seed in rnn["seeds"])
    assert abs(lstm["parameters"] - rnn["parameters"]) <= 0.02 * lstm["parameters"]
    assert lstm["spread"] > 0
    assert len(lstm["seeds"][0]["curve"]) == 4
    assert lstm["seeds"][0]["tokens"] == lstm["seeds"][0]["curve"][-1]["tokens"]
    assert [one["position"] for one in lstm["generation"]] == [100, 10_000]
    assert lstm["peak_memory"] > 1e7
    assert rnn["generation"] == []

    # one training is lost; the others are read back
    before = results()
    shutil.rmtree("out/runs/LSTM-2")
    Path("out/trials/LSTM-2.json").unlink()
    kept = Path("out/runs/LSTM-1/1/checkpoints/last.ckpt").stat().st_mtime_ns
    assert compare(*given).status == 0
    again = results()
    assert Path("out/runs/LSTM-1/1/checkpoints/last.ckpt").stat().st_mtime_ns == kept
    assert [one["mean"] for one in again["results"]] == [one["mean"] for one in before["results"]]

    told = compare(*given, "--data.batch_size", "2")
    assert told.status == 1
    assert "out holds another comparison (changed: --data.batch_size)" in told.err
    assert told.err.count("\n") == 1
    alone = ("--layers", "LSTM", "--steps", "1", "--model.size", "8")
    told = compare(*alone, "--again")
    assert told.status == 0, told.err
    assert len(results()["results"]) == 1
    kept = Path("out/runs/LSTM-1/1/checkpoints/last.ckpt").stat().st_mtime_ns
    assert compare(*alone, "--seeds", "2").status == 0
    assert Path("out/runs/LSTM-1/1/checkpoints/last.ckpt").stat().st_mtime_ns == kept
    assert [seed["outcome"]["status"] for seed in results()["results"][0]["seeds"]] == ["finished", "finished"]


def test_translators_are_compared_by_bleu_for_a_time(compared_texts: Path) -> None:
    watched = TRANSLATION + "checkpoint: {monitor: val_bleu, mode: max}\n"
    config(compared_texts, watched)
    told = compare("--layers", "RNN/GRU", "--budget", "time", "--minutes", "0.002")
    assert told.status == 0, told.err
    (result,) = results()["results"]
    assert "Highest: RNN/GRU, " in told.out
    assert "BLEU" in told.out
    assert result["block"] == "encoder RNN; decoder GRU, keep bias 0; 1 x 8"
    assert result["steps"] % 8 == 0
    assert result["size"] == 8
    assert results()["metric"].startswith("val_bleu, the highest")
    assert not list(Path("out/calibration").glob("runs/*"))


def test_a_comparison_that_is_stopped_goes_on(compared_texts: Path) -> None:
    config(compared_texts)
    given = (
        "compare",
        "--config",
        "tiny.yaml",
        "--output",
        "out",
        "--layers",
        "GRU",
        "--budget",
        "tokens",
        "--steps",
        "100000",
    )
    Path("said").mkdir()
    stopped = Running(Path("said"), *given, "--trainer.val_check_interval", "1")
    log = Path("out/logs/GRU-1.txt")
    wait_for(log, "weights; 100,000 steps", stopped)
    stopped.send(signal.SIGTERM)
    told = stopped.ended()
    assert told.status == 128 + signal.SIGTERM
    assert told.err.splitlines()[-1] == "stopped; the same command goes on with what out holds"
    assert Path("out/runs/GRU-1/1/checkpoints/last.ckpt").exists()
    # the same plan, but near its end
    plan = Path("out/plan.json").read_text(encoding="utf-8")
    done = int(log.read_text(encoding="utf-8").split("stopped after step ")[1].split(";")[0].replace(",", ""))
    steps = done + 2
    for path in (Path("out/plan.json"), Path("out/configs/GRU.yaml")):
        path.write_text(path.read_text(encoding="utf-8").replace("100000", str(steps)), encoding="utf-8")
    assert plan != Path("out/plan.json").read_text(encoding="utf-8")
    told = seq2seq(*given[:-1], str(steps), "--trainer.val_check_interval", "1")
    assert told.status in (0, 1), told.err
    finished = json.loads(Path("out/runs/GRU-1/1/finished.json").read_text(encoding="utf-8"))
    assert finished["steps"] == steps


def wait_for(log: Path, text: str, process: Running) -> None:
    import time

    end = time.monotonic() + 100
    while not (log.exists() and text in log.read_text(encoding="utf-8")):
        assert process.process.is_alive(), process.err.read_text(encoding="utf-8")
        assert time.monotonic() < end
        time.sleep(0.02)


def test_nothing_but_failures_is_a_failure(compared_texts: Path) -> None:
    config(compared_texts)
    told = compare("--layers", "GRU", "--budget", "tokens", "--steps", "2", "--trainer.accelerator", "nonsense")
    assert told.status == 1
    assert "GRU, seed 1, failed: " in told.err
    assert told.err.splitlines()[-1] == "seq2seq: no training finished; out/logs has what each said"
    assert "Without a result: GRU." in told.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--layers", "GRUU"], "there is no layer GRUU; did you mean GRU?"),
        (["--layers", "GRU:dept=1"], "GRU has no option dept; did you mean depth?"),
        (["--layers", "GRU", "--data.corpsu", "x"], "unknown option"),
        (["--layers", "GRU", "--sedes", "3"], "unknown option sedes; did you mean seeds?"),
        (["--layers", "GRU", "--budget", "money"], "budget must be one of 'parameters', 'time', 'tokens'"),
        (["--layers", "GRU", "--data.corpus", "nowhere.txt"], "nowhere.txt"),
        ([], "the following arguments are required: layers"),
    ],
)
def test_a_mistake_is_one_sentence_before_any_training(compared_texts: Path, options: list[str], message: str) -> None:
    config(compared_texts)
    told = compare(*options)
    assert told.status == 1
    assert message in told.err
    assert told.err.startswith("seq2seq: ")
    assert told.err.count("\n") == 1
    assert not Path("out").exists()


def test_options_with_a_dot_are_those_of_fit() -> None:
    given = [
        "--config",
        "a.yaml",
        "--data.corpus",
        "x",
        "y",
        "--layers",
        "GRU",
        "LSTM",
        "--model.size=3",
        "--seeds=2.5",
    ]
    assert without_dotted(given) == (
        ["--config", "a.yaml", "--layers", "GRU", "LSTM", "--seeds=2.5"],
        ["--data.corpus", "x", "y", "--model.size=3"],
    )


def test_help_shows_examples() -> None:
    told = seq2seq("compare", "--help")
    assert told.status == 0
    assert "\n  seq2seq compare --config" in told.out
    for option in ("config", "layers", "budget", "seeds", "minutes", "steps", "parameters", "same-block", "again"):
        assert f"\n  --{option}" in told.out
    assert "overrides" not in told.out
