"""Tests of the command `seq2seq compare`: training, report, resuming and errors."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from experiments import LANGUAGE, TRANSLATION, CommandResult, RunningCommand, seq2seq, write_config

from seq2seq.commands.arguments import split_dotted_options
from seq2seq.commands.untrained import resolve_configuration
from seq2seq.comparison.plan import Settings, make_plan, save_plan


@pytest.fixture(autouse=True)
def temporary_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_tiny_config(corpus: Path, kind: str = LANGUAGE) -> Path:
    return write_config(Path.cwd(), kind, corpus, "tiny")


def run_compare(*options: str | Path) -> CommandResult:
    return seq2seq("compare", "--config", "tiny.yaml", "--output", "out", *options)


def read_results() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path("out/results.json").read_text(encoding="utf-8"))
    return content


def test_comparison_with_diverging_layer_continues_restarts_and_adds_seeds(comparison_corpus: Path) -> None:
    """The comparison then repeats a lost trial, refuses another plan, starts anew, and adds a seed."""
    write_tiny_config(comparison_corpus)
    arguments = ("--layers", "LSTM", "RNN:lr=1e30", "--seeds", "2", "--steps", "4", "--model.size", "64")
    command = run_compare(*arguments)
    assert command.status == 0, command.err
    assert "LSTM, 1 x 64" in command.out
    assert "Best: LSTM, " in command.out
    assert "Without a result: RNN:lr=1e30." in command.out
    assert [line.split(":")[0] for line in command.err.splitlines() if ", seed " in line] == [
        "LSTM, seed 1",
        "RNN",
        "LSTM, seed 2",
        "RNN",
    ]
    lstm, rnn = read_results()["results"]
    assert [seed["outcome"]["status"] for seed in rnn["seeds"]] == ["diverged", "diverged"]
    assert all(seed["outcome"]["step"] in (None, 2, 3, 4) for seed in rnn["seeds"])
    assert abs(lstm["parameters"] - rnn["parameters"]) <= 0.02 * lstm["parameters"]
    assert lstm["spread"] > 0
    assert len(lstm["seeds"][0]["curve"]) == 4
    assert lstm["seeds"][0]["tokens"] == lstm["seeds"][0]["curve"][-1]["tokens"]
    assert [entry["position"] for entry in lstm["generation"]] == [100, 10_000]
    assert lstm["peak_memory"] > 1e7
    assert rnn["generation"] == []

    # only the lost trial is trained again
    previous = read_results()
    shutil.rmtree("out/runs/LSTM-2")
    modified = Path("out/runs/LSTM-1/1/checkpoints/last.ckpt").stat().st_mtime_ns
    assert run_compare(*arguments).status == 0
    repeated = read_results()
    assert Path("out/runs/LSTM-1/1/checkpoints/last.ckpt").stat().st_mtime_ns == modified
    assert [entry["mean"] for entry in repeated["results"]] == [entry["mean"] for entry in previous["results"]]

    command = run_compare(*arguments, "--data.batch_size", "2")
    assert command.status == 1
    assert "out contains another comparison (changed: --data.batch_size)" in command.err
    assert command.err.count("\n") == 1
    single_layer = ("--layers", "LSTM", "--steps", "1", "--model.size", "8")
    command = run_compare(*single_layer, "--again")
    assert command.status == 0, command.err
    assert len(read_results()["results"]) == 1
    modified = Path("out/runs/LSTM-1/1/checkpoints/last.ckpt").stat().st_mtime_ns
    assert run_compare(*single_layer, "--seeds", "2").status == 0
    assert Path("out/runs/LSTM-1/1/checkpoints/last.ckpt").stat().st_mtime_ns == modified
    assert [seed["outcome"]["status"] for seed in read_results()["results"][0]["seeds"]] == ["finished", "finished"]


def test_translators_are_compared_by_bleu_within_minutes(comparison_corpus: Path) -> None:
    bleu_config = TRANSLATION + "checkpoint: {monitor: val_bleu, mode: max}\n"
    write_tiny_config(comparison_corpus, bleu_config)
    command = run_compare("--layers", "RNN/GRU", "--budget", "time", "--minutes", "0.002")
    assert command.status == 0, command.err
    (result,) = read_results()["results"]
    assert "Highest: RNN/GRU, " in command.out
    assert "BLEU" in command.out
    assert result["block"] == "encoder RNN; decoder GRU, keep bias 0; 1 x 8"
    assert result["steps"] % 8 == 0
    assert result["slug"] == "RNN%2FGRU"
    assert result["size"] == 8
    assert read_results()["metric"].startswith("val_bleu, the highest")
    assert not list(Path("out/calibration").glob("*"))


def test_stopped_comparison_resumes(comparison_corpus: Path) -> None:
    write_tiny_config(comparison_corpus)
    arguments = (
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
    Path("output").mkdir()
    running = RunningCommand(Path("output"), *arguments, "--trainer.val_check_interval", "1")
    log = Path("out/runs/GRU-1/log.txt")
    wait_for(log, "weights; 100,000 steps", running)
    running.send(signal.SIGTERM)
    command = running.wait()
    assert command.status == 128 + signal.SIGTERM
    assert command.err.splitlines()[-1] == "stopped; the same command resumes from out"
    assert Path("out/runs/GRU-1/1/checkpoints/last.ckpt").exists()
    # shorten the plan so that few steps remain
    done = int(log.read_text(encoding="utf-8").split("stopped after step ")[1].split(";")[0].replace(",", ""))
    steps = 8 * (done // 8 + 1)
    config = resolve_configuration(["tiny.yaml"], ["--trainer.val_check_interval", "1"])
    save_plan(make_plan(Settings(config, ["GRU"], "tokens", 1, None, steps, None, False)), Path("out"))
    command = seq2seq(*arguments[:-1], str(steps), "--trainer.val_check_interval", "1")
    assert command.status in (0, 1), command.err
    finished = json.loads(Path("out/runs/GRU-1/1/finished.json").read_text(encoding="utf-8"))
    assert finished["steps"] == steps


def wait_for(log: Path, text: str, process: RunningCommand) -> None:
    import time

    deadline = time.monotonic() + 100
    while not (log.exists() and text in log.read_text(encoding="utf-8")):
        assert process.process.is_alive(), process.err.read_text(encoding="utf-8")
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_comparison_fails_if_no_training_finishes(comparison_corpus: Path) -> None:
    write_tiny_config(comparison_corpus)
    command = run_compare("--layers", "GRU", "--budget", "tokens", "--steps", "2", "--trainer.accelerator", "nonsense")
    assert command.status == 1
    assert "GRU, seed 1, failed: " in command.err
    assert command.err.splitlines()[-1] == "seq2seq: no training finished; see out/runs/*/log.txt"
    assert "Without a result: GRU." in command.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--layers", "GRUU"], "there is no layer GRUU; did you mean GRU?"),
        (["--layers", "GRU:dept=1"], "GRU has no option dept; did you mean depth?"),
        (["--layers", "GRU", "--data.corpsu", "x"], "unknown option"),
        (["--layers", "GRU", "--sedes", "3"], "unknown option sedes; did you mean seeds?"),
        (["--layers", "GRU", "--budget", "money"], "budget must be one of 'parameters', 'time', 'tokens'"),
        (["--layers", "GRU", "--data.corpus", "nowhere.txt"], "nowhere.txt"),
        (["--layers", "GRU", "--seeds", "0"], "seeds must be at least 1"),
        (["--layers", "GRU", "--minutes", "0"], "minutes must be above 0"),
        (["--layers", "GRU", "--steps", "0"], "steps must be at least 1"),
        ([], "the following arguments are required: layers"),
    ],
)
def test_invalid_options_are_reported_before_training(
    comparison_corpus: Path, options: list[str], message: str
) -> None:
    write_tiny_config(comparison_corpus)
    command = run_compare(*options)
    assert command.status == 1
    assert message in command.err
    assert command.err.startswith("seq2seq: ")
    assert command.err.count("\n") == 1
    assert not Path("out").exists()


def test_dotted_options_are_passed_to_fit() -> None:
    arguments = [
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
    assert split_dotted_options(arguments) == (
        ["--config", "a.yaml", "--layers", "GRU", "LSTM", "--seeds=2.5"],
        ["--data.corpus", "x", "y", "--model.size=3"],
    )


def test_help_shows_examples() -> None:
    command = seq2seq("compare", "--help")
    assert command.status == 0
    assert "\n  seq2seq compare --config" in command.out
    for option in ("config", "layers", "budget", "seeds", "minutes", "steps", "parameters", "same-block", "again"):
        assert f"\n  --{option}" in command.out
    assert "overrides" not in command.out
