"""Tests of `seq2seq inspect gradients`."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_runs import LANGUAGE, Runs, shell

from seq2seq import checkpoint
from seq2seq.__main__ import main
from seq2seq.commands.inspect import default_labels, format_ratio
from seq2seq.inspection import gradient_norms
from seq2seq.tasks import load_text_generator


def run_inspect(folder: Path, *arguments: object) -> dict[str, Any]:
    """Run the command and return its JSON results."""
    output = folder / "results" / "gradients"
    assert main(["inspect", "gradients", *map(str, arguments), "--output", str(output)]) == 0
    assert output.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in output.parent.iterdir()) == ["gradients.json", "gradients.png"]
    results: dict[str, Any] = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))
    return results


def write_config(folder: Path, runs: Runs) -> Path:
    path = folder / "fresh.yaml"
    path.write_text(LANGUAGE.replace("CORPUS", str(runs.corpus)), encoding="utf-8")
    return path


def test_results_have_every_layer_of_every_model(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A checkpoint before and after training, and a configuration."""
    config = write_config(tmp_path, runs)
    results = run_inspect(tmp_path, runs.language, config, "--untrained", "--steps", 25, "--windows", 4)
    output = capsys.readouterr().out
    assert results["k"] == list(range(1, 26))
    assert results["windows"] == 4
    assert [(model["label"], model["trained"]) for model in results["models"]] == [
        ("language", False),
        ("language", True),
        ("fresh", False),
    ]
    for model in results["models"]:
        assert model["unit"] == "characters"
        assert [len(layer["norms"]) for layer in model["layers"]] == [25, 25]
        assert model["sentence"] in output
        for number, layer in enumerate(model["layers"], start=1):
            name = f"{model['label']}, {'after' if model['trained'] else 'before'}, layer {number}"
            (row,) = [line for line in output.splitlines() if line.startswith(name + " ")]
            cells = row.removeprefix(name).split()
            assert float(cells[0]) == pytest.approx(layer["norms"][0], rel=0.06)
            assert float(cells[-1]) == pytest.approx(layer["norms"][-1] / layer["norms"][0], rel=0.5)
    assert results["comparison"] in output
    assert max(len(line) for line in output.split("\n\n")[1].splitlines()) <= 100


def test_untrained_model_equals_the_initialization_of_training(runs: Runs, tmp_path: Path) -> None:
    """With the seed of the training, from its configuration or from the model options in its checkpoint."""
    config = write_config(tmp_path, runs)
    results = run_inspect(tmp_path, runs.language, config, "--untrained", "--steps", 5, "--windows", 2)
    before, after, made = (model["layers"] for model in results["models"])
    assert before == made != after
    other = run_inspect(tmp_path, config, "--seed", 2, "--steps", 5, "--windows", 2)
    assert other["models"][0]["layers"] != made


def test_text_option_and_few_windows(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "text.txt"
    path.write_text("one two three " * 6, encoding="utf-8")
    results = run_inspect(tmp_path, runs.language, "--text", path, "--steps", 20, "--windows", 100)
    writer = load_text_generator(runs.language)
    ids = torch.tensor(writer.tokenizer.encode(path.read_text())).unfold(0, 71, 1)
    norms = gradient_norms(writer.model, ids[:, :-1], ids[:, -1], 20)
    assert [layer["norms"] for layer in results["models"][0]["layers"]] == norms.tolist()
    assert results["text"] == str(path)
    assert results["windows"] == len(ids) < 100
    captured = capsys.readouterr()
    assert f"the mean over {len(ids)} windows of the text" in captured.out
    assert captured.err == f"the text for {runs.language} has only {len(ids)} of 100 windows\n"


def test_models_may_have_different_tokenizers(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = LANGUAGE.replace("CORPUS", str(runs.corpus)).replace("Characters", "Bytes").replace("depth: 2", "depth: 1")
    (tmp_path / "bytes.yaml").write_text(config, encoding="utf-8")
    options = ("--labels", "old, new", "--steps", 10, "--windows", 2)
    results = run_inspect(tmp_path, runs.language, tmp_path / "bytes.yaml", *options)
    assert [(model["label"], model["unit"]) for model in results["models"]] == [("old", "characters"), ("new", "bytes")]
    assert "old, after, layer 2" in capsys.readouterr().out


def test_inspecting_a_configuration_creates_no_run(runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = write_config(tmp_path, runs)
    run_inspect(tmp_path, config, "--steps", 3, "--windows", 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fresh.yaml", "results"]


def test_default_labels_are_run_names() -> None:
    paths = ["runs/lstm/1", "runs/gru/2/checkpoints/best.ckpt", "configs/a.yaml", "b.ckpt"]
    assert default_labels(paths) == ["lstm", "gru", "a", "b"]
    assert default_labels(["runs/lstm/1", "runs/lstm/2"]) == ["runs/lstm/1", "runs/lstm/2"]


@pytest.mark.parametrize(
    ("norm", "first", "shown"),
    [
        (1.0, 2.0, "0.5"),
        (1e-9, 1.0, "1e-09"),
        (3e7, 1.0, "3e+07"),
        (0.0, 1.0, "0"),
        (1.0, 0.0, "-"),
        (float("nan"), 1, "-"),
    ],
)
def test_format_ratio(norm: float, first: float, shown: str) -> None:
    assert format_ratio(norm, first) == shown


def test_nan_weights_are_reported(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    contents = torch.load(runs.language / "checkpoints" / "best.ckpt", weights_only=True)
    contents["state_dict"]["stack.layers.0.rnn.weight_hh_l0"].fill_(float("nan"))
    checkpoint.save(contents, tmp_path / "broken.ckpt")
    seen = run_inspect(tmp_path, tmp_path / "broken.ckpt", "--steps", 5, "--windows", 2)
    assert seen["models"][0]["layers"][0]["norms"] == [None] * 5
    captured = capsys.readouterr()
    assert "the weights have diverged" in captured.out
    assert "broken.ckpt: its weights have diverged: stack.layers.0.rnn.weight_hh_l0 contains" in captured.err


@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_quantized_model_is_an_error(
    runs: Runs, tmp_path: Path, precision: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rounded = str(tmp_path / "rounded.ckpt")
    assert main(["quantize", str(runs.language), "--output", rounded, "--precision", precision]) == 0
    assert main(["inspect", "gradients", rounded, "--output", str(tmp_path / "gradients")]) == 1
    assert f"gradients need a model in float32, and {rounded} was saved in {precision}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "the following arguments are required: models"),
        ("weights MODEL", "the first argument must be gradients, as in seq2seq inspect gradients MODEL, not weights"),
        ("gradients", "a model is needed: a checkpoint, the folder of a run, or a configuration (.yaml)"),
        ("gradients nowhere.ckpt", "there is no checkpoint at nowhere.ckpt"),
        ("gradients nowhere.yaml", "there is no configuration nowhere.yaml"),
        ("gradients MODEL --steps 0", "steps must be at least 1 and at most 2,147,483,647, and 0 was given"),
        ("gradients MODEL --windows 0", "windows must be at least 1 and at most 2,147,483,647, and 0 was given"),
        ("gradients MODEL --steps 4000", "give fewer --steps or another --text"),
        ("gradients MODEL --text nowhere", "there is no file nowhere"),
        ("gradients MODEL --labels a,b", "each of the 1 models needs a label, and 2 were given: a,b"),
        ("gradients MODEL --device moon", "the device moon cannot be used here"),
        ("gradients TRANSLATOR", "a language model is needed here, and TRANSLATOR is a translator"),
    ],
)
def test_errors_are_one_line_on_standard_error(
    runs: Runs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    def named(text: str) -> str:
        return text.replace("MODEL", str(runs.language)).replace("TRANSLATOR", str(runs.translator))

    given = [named(word) for word in arguments.split()]
    assert main(["inspect", *given]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert named(message).replace(str(runs.language), "MODEL") in captured.err.replace(str(runs.language), "MODEL")
    assert captured.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_help_shows_examples_without_torch() -> None:
    assert b"\n  seq2seq inspect gradients " in shell("inspect", "--help").stdout
    code = "import sys, seq2seq.commands.inspect; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_text_from_a_pipe_is_read_once_for_all_models(runs: Runs, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=lambda: pipe.write_text("one two three " * 8, encoding="utf-8"), daemon=True).start()
    config = write_config(tmp_path, runs)
    options = ("--untrained", "--text", pipe, "--steps", 3, "--windows", 2)
    before, after, made = (
        model["layers"] for model in run_inspect(tmp_path, runs.language, config, *options)["models"]
    )
    assert before == made != after
